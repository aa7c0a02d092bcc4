//! The tenancy room: organizations and who may act in them.
//!
//! An organization is the wall that rows stay behind. People stand inside it as members with a
//! role, come in by invitation, and let machines in with API keys; the audit trail tells what each
//! of them did. Who a person *is* lives one room higher: here an account is an id, and a member
//! carries a copy of its name and address for lists.
//!
//! Everything runs in tenant transactions. The system door is opened for few questions only:
//! where an account is a member, whose key was presented, which organization an invitation leads
//! into, and for an operator which keys hold.

pub mod audit;
pub mod invitations;
pub mod keys;
pub mod members;
mod migration;
pub mod organizations;
mod page_form;
pub mod permissions;
pub mod rights;
pub mod roles;
pub mod verification;

use host::Registry;

pub use members::{FirstMember, MemberFault, MemberView, MembershipView, memberships_of};
pub use organizations::{Founded, NewOrganization, OrganizationFault, OrganizationView, found};
pub use rights::{Rights, rights, rights_anew};
pub use roles::{Role, rights_of};

/// Registers organizations, members, invitations, API keys and the audit trail.
pub struct Module;

impl host::Module for Module {
    fn name(&self) -> &'static str {
        "tenancy"
    }

    fn register(&self, app: &mut Registry) {
        app.migrations(migration::steps());
        app.permissions(&permissions::ALL);
        app.faults::<verification::VerificationFault>();
        rights::register(app);
        organizations::register(app);
        members::register(app);
        invitations::register(app);
        keys::register(app);
        audit::register(app);
    }
}
