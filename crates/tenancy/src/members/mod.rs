//! Members: an account's place in an organization, with a role. The row carries a copy of the
//! person's name and address, so that lists ask nobody else. Every change moves its version on,
//! which is what makes a demotion hold from the next request.

mod actions;
pub mod event;
mod fault;
mod member;
mod page;
mod routes;
mod standing;
mod store;

use host::Registry;

pub(crate) use actions::{admit, governs, has_account, has_address, hold_rights, names};
pub use actions::{change, list, memberships_of, outdate, remove, rename};
pub use fault::MemberFault;
pub use member::{ChangeMember, FirstMember, MemberView, MembershipView, Model};

::store::org_scoped!(member);

pub(crate) fn register(app: &mut Registry) {
    app.faults::<MemberFault>();
    routes::register(app);
    page::register(app);
}
