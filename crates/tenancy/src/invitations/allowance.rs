//! How many invitations somebody may send: each is a mail to a stranger in our name.

use ::store::{Mode, Pin};
use kernel::{Failure, MailAddress, OrgId};
use web::Ctx;
use web::limits::{self, Way, Whose};

use super::actions;
use crate::members;
use crate::permissions::MEMBERS_WRITE;
use crate::verification::verified_person;

/// Counts one for the person, for the organization, and for the address that would be written to, so
/// that nobody is flooded, be it by one organization or by many. To be called before the transaction begins,
/// which would undo the count together with a refused invitation.
///
/// What all organizations share is counted last, and only where a letter would be written: nobody uses
/// it up for the others by asking in vain.
///
/// Whoever may not invite at all isn't counted, so that no viewer uses up what the admins have; they
/// are refused where the invitation is made.
pub(crate) async fn count(ctx: &Ctx, to: &MailAddress) -> Result<(), Failure> {
    let (true, Ok(person), Ok(org)) = (ctx.can(MEMBERS_WRITE), verified_person(ctx), ctx.org()) else { return Ok(()) };
    limits::count(ctx.core(), Way::Invite, &[Whose::Account(&person.to_string()), Whose::Organization(org)]).await?;
    limits::count(ctx.core(), Way::Invited, &[Whose::Towards(org, to.normal())]).await?;
    if !is_wanted(ctx, org, to).await? {
        return Ok(());
    }
    limits::count(ctx.core(), Way::Invited, &[Whose::Account(to.normal())]).await
}

/// Whether an invitation would be made as things stand; where not, making it says why. A transaction of its
/// own: the request's would claim its idempotency key, and find it claimed when the invitation is made.
async fn is_wanted(ctx: &Ctx, org: OrgId, to: &MailAddress) -> Result<bool, Failure> {
    let mut tx = ctx.core().store.begin(Pin { org, who: ctx.who(), rights: None }, Mode::Read).await?;
    let is_wanted = !members::has_address(&mut tx, to.normal()).await? && !actions::is_pending(&mut tx, to.normal()).await?;
    tx.commit().await?;
    Ok(is_wanted)
}
