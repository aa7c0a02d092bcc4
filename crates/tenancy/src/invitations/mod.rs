//! Invitations: an admin writes to an address, the person behind it signs in with that address, or
//! gets an account with it, and becomes a member. The link holds 48 hours, once; only its digest is
//! kept. The page behind the link is the business of the room that knows accounts.

mod accept;
mod actions;
mod allowance;
pub mod event;
mod fault;
mod invitation;
mod letter;
mod routes;
mod store;

use host::Registry;
use kernel::Failure;

use crate::members::event::{MemberChanged, MemberRemoved};
use crate::roles::Role;

pub use accept::{Acceptor, Offer, accept, accept_within, look, organization_of};
pub(crate) use actions::unsettled;
pub use actions::{freeze_of, invite, list, revoke};
pub(crate) use allowance::count;
pub use fault::InvitationFault;
pub use invitation::{AcceptInvitation, AcceptedView, InvitationState, InvitationView, Model, NewInvitation};
pub use letter::{PAGE, Sender};

::store::org_scoped!(invitation);

pub(crate) fn register(app: &mut Registry) {
    app.faults::<InvitationFault>();
    app.on_tx::<MemberChanged>("tenancy.withdraw_invitations_of_demoted", |tx, event| Box::pin(demoted(tx, event)));
    app.on_tx::<MemberRemoved>("tenancy.withdraw_invitations_of_removed", |tx, event| Box::pin(actions::withdraw_of(tx, event.account)));
    routes::register(app);
}

async fn demoted(tx: &mut ::store::Tx, event: &MemberChanged) -> Result<(), Failure> {
    if event.is_active && event.role == Role::Admin { Ok(()) } else { actions::withdraw_of(tx, event.account).await }
}
