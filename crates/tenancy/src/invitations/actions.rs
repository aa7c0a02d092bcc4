//! The verbs of those who invite.

use ::store::{AuditLine, StoreError, System, Tx};
use chrono::Duration;
use kernel::{AccountId, After, Failed, Failure, InvitationId, Limit, Page, chance};
use sea_orm::{ActiveValue::Set, IntoActiveModel as _};
use serde_json::json;

use super::event::{InvitationRevoked, MemberInvited};
use super::invitation::{ActiveModel, InvitationState, Model, NewInvitation};
use super::letter::{self, Sender};
use super::{InvitationFault, store};
use crate::members;

/// A weekend fits; SECURITY asks for no more.
const LIFETIME: Duration = Duration::hours(48);
/// Rows of the console's list of open invitations: more than anybody invites within their lifetime.
const OPEN_SHOWN_MAX: u64 = 200;

/// Invites a person by mail. The token is in the letter and nowhere else.
///
/// 409 when the address is a member's or has an open invitation; 401 when the rights of whoever invites ended
/// since the transaction began.
pub async fn invite(tx: &mut Tx, new: NewInvitation, by: AccountId, sender: &Sender) -> Result<Model, Failed<InvitationFault>> {
    members::hold_rights(tx).await?;
    if members::has_address(tx, new.email.normal()).await? {
        return Err(InvitationFault::AlreadyMember.into());
    }
    make_room(tx, new.email.normal()).await?;
    let token = chance::token();
    let now = tx.now();
    let row = ActiveModel {
        id: Set(InvitationId::new(now).uuid()),
        email: Set(new.email.as_str().to_owned()),
        email_normal: Set(new.email.normal().to_owned()),
        role: Set(new.role.name().to_owned()),
        token_hash: Set(chance::digest(token.expose())),
        invited_by: Set(by.uuid()),
        expires_at: Set(now + LIFETIME),
        ..Default::default()
    };
    let invitation = tx.insert(row).await.map_err(pending)?;
    letter::send(tx, &invitation, &new.email, &token, sender).await?;
    let after = json!({ "email": invitation.email, "role": invitation.role, "expires_at": invitation.expires_at });
    tx.audit(AuditLine::new("invitation.created", "invitation", invitation.id).after(after)).await?;
    tx.emit(&MemberInvited { invitation: invitation.id.into(), role: new.role, by }).await?;
    Ok(invitation)
}

/// Whether an invitation of this address waits for its answer.
pub(super) async fn is_pending(tx: &mut Tx, email_normal: &str) -> Result<bool, StoreError> {
    let now = tx.now();
    Ok(store::unsettled_seen(tx, email_normal).await?.is_some_and(|earlier| earlier.state(now) == InvitationState::Pending))
}

/// Puts an invitation of the same address away that opens nothing, because it has expired or is frozen; one
/// that is still open stands in the way.
async fn make_room(tx: &mut Tx, email_normal: &str) -> Result<(), Failed<InvitationFault>> {
    let Some(earlier) = store::unsettled(tx, email_normal).await? else { return Ok(()) };
    match earlier.state(tx.now()) {
        InvitationState::Pending => return Err(InvitationFault::AlreadyPending.into()),
        // It would open again once whoever sent it is let in: that ends here, and the trail says so.
        InvitationState::Frozen => drop(withdraw(tx, earlier).await?),
        InvitationState::Expired | InvitationState::Accepted | InvitationState::Revoked => {
            let mut row = earlier.into_active_model();
            row.revoked_at = Set(Some(tx.now()));
            tx.update(row).await?;
        }
    }
    Ok(())
}

fn pending(error: StoreError) -> Failed<InvitationFault> {
    if error.violates("invitations", "email_normal") { InvitationFault::AlreadyPending.into() } else { error.into() }
}

/// A page of invitations, newest first.
pub async fn list(tx: &mut Tx, limit: Limit, after: Option<After>) -> Result<Page<Model>, StoreError> {
    store::list(tx, limit, after).await
}

/// Those that wait for an answer or have expired without one.
pub(crate) async fn unsettled(tx: &mut Tx) -> Result<Vec<Model>, StoreError> {
    store::all_unsettled(tx, OPEN_SHOWN_MAX).await
}

/// Withdraws an invitation; a second time changes nothing.
///
/// 404 `invitation_not_found`, 409 `invitation_already_accepted`.
pub async fn revoke(tx: &mut Tx, id: InvitationId) -> Result<Model, Failed<InvitationFault>> {
    let invitation = store::find(tx, id).await?.ok_or(InvitationFault::NotFound)?;
    match invitation.state(tx.now()) {
        InvitationState::Accepted => return Err(InvitationFault::AlreadyAccepted.into()),
        InvitationState::Revoked => return Ok(invitation),
        InvitationState::Pending | InvitationState::Expired | InvitationState::Frozen => {}
    }
    Ok(withdraw(tx, invitation).await?)
}

/// Shuts, or opens again, what an account has invited that is frozen as a whole, wherever it did.
pub async fn freeze_of(system: &mut System, by: AccountId, frozen: bool) -> Result<(), StoreError> {
    store::freeze_of(system, by, frozen).await.map(drop)
}

/// Withdraws what somebody has invited who may invite no more: a door that was left open behind
/// them would let them, or a friend, come back in.
pub(super) async fn withdraw_of(tx: &mut Tx, by: AccountId) -> Result<(), Failure> {
    for invitation in store::unsettled_of(tx, by).await? {
        withdraw(tx, invitation).await?;
    }
    Ok(())
}

async fn withdraw(tx: &mut Tx, invitation: Model) -> Result<Model, Failure> {
    let mut row = invitation.into_active_model();
    row.revoked_at = Set(Some(tx.now()));
    let revoked = tx.update(row).await?;
    tx.audit(AuditLine::new("invitation.revoked", "invitation", revoked.id).before(json!({ "email": revoked.email }))).await?;
    tx.emit(&InvitationRevoked { invitation: revoked.id.into() }).await?;
    Ok(revoked)
}
