//! The verbs of the person who is invited: look at an invitation, and accept it. Somebody who has no
//! account yet gets one with it: the room that knows accounts makes it in the same transaction, and
//! calls [`organization_of`] and [`accept_within`].

use ::store::{AuditLine, Mode, Pin, System, Tx, Who};
use host::Core;
use kernel::{AccountId, Failed, Failure, General, MailAddress, OrgId, Secret, chance};
use sea_orm::{ActiveValue::Set, IntoActiveModel as _};
use serde_json::json;
use web::Ctx;
use web::limits::{self, Way, Whose};

use super::event::InvitationAccepted;
use super::invitation::{InvitationState, Model};
use super::{AcceptedView, InvitationFault, store};
use crate::members::{self, FirstMember};
use crate::organizations::{self, OrganizationView};

/// Why the system door is opened: nobody knows yet which organization the token belongs to.
const WHY: &str = "which organization an invitation leads into";

/// The person who accepts.
pub struct Acceptor {
    who: Who,
    account: AccountId,
    name: String,
    email: MailAddress,
}

impl Acceptor {
    /// Whoever is signed in; a machine accepts nothing.
    pub fn of(ctx: &Ctx) -> Result<Self, Failure> {
        let caller = ctx.caller()?;
        let account = caller.account.ok_or(General::PermissionDenied)?;
        let email = caller.email.parse().map_err(Failure::internal)?;
        Ok(Self { who: ctx.who(), account, name: caller.name.clone(), email })
    }

    /// Somebody whose account begins with the invitation.
    pub const fn newcomer(who: Who, account: AccountId, name: String, email: MailAddress) -> Self {
        Self { who, account, name, email }
    }
}

/// Makes the person a member with the invited role. The transaction begins at the system door and
/// goes on inside the organization, so that finding and spending are one.
///
/// 404 for an unknown or revoked token, 410 for an expired one, 409 for a spent one, 403 when the
/// invitation was sent to another address, 429 for too many tries. Of two who race, one is told that
/// it is spent.
pub async fn accept(core: &Core, person: Acceptor, token: &Secret) -> Result<AcceptedView, Failed<InvitationFault>> {
    limits::count(core, Way::Accept, &[Whose::Account(&person.account.to_string())]).await?;
    let mut system = core.store.system(WHY).await?;
    let org = organization_of(&mut system, token).await?;
    let mut tx = system.within(org, person.who.clone()).await?;
    let accepted = accept_within(&mut tx, person, token).await?;
    tx.commit().await?;
    Ok(accepted)
}

/// Which organization the token leads into.
///
/// 404 `invitation_not_found`.
pub async fn organization_of(system: &mut System, token: &Secret) -> Result<OrgId, Failed<InvitationFault>> {
    Ok(store::organization_of(system, &chance::digest(token.expose())).await?.ok_or(InvitationFault::NotFound)?)
}

/// Spends the token in a transaction of its organization, which is held first, as for everything that changes
/// members.
pub async fn accept_within(tx: &mut Tx, person: Acceptor, token: &Secret) -> Result<AcceptedView, Failed<InvitationFault>> {
    let organization = OrganizationView::from(organizations::hold(tx).await?);
    let invitation = store::hold_by_token(tx, &chance::digest(token.expose())).await?.ok_or(InvitationFault::NotFound)?;
    open_for(tx, &invitation, &person.email).await?;
    let role = invitation.role();
    let account = person.account;
    if members::has_account(tx, account).await? {
        return Err(InvitationFault::AlreadyMember.into());
    }
    let joining = FirstMember { account, name: person.name, email: person.email };
    let member = members::admit(tx, joining, role).await?;

    let mut row = invitation.into_active_model();
    row.accepted_at = Set(Some(tx.now()));
    let invitation = tx.update(row).await?;
    let after = json!({ "member": member.member_id(), "role": role });
    tx.audit(AuditLine::new("invitation.accepted", "invitation", invitation.id).after(after)).await?;
    tx.emit(&InvitationAccepted { invitation: invitation.id.into(), account }).await?;
    Ok(AcceptedView { member_id: member.member_id(), role, organization })
}

/// Whether the invitation is still open, and whose it is. The address is compared first: a
/// stranger who holds the link learns nothing about where the invitation stands.
async fn open_for(tx: &mut Tx, invitation: &Model, email: &MailAddress) -> Result<(), Failed<InvitationFault>> {
    if invitation.email_normal != email.normal() {
        return Err(InvitationFault::OtherAddress.into());
    }
    // Security time: an expiry that has passed stays passed when the clock is set back.
    match invitation.state(tx.store().clock().now_secure()) {
        // Whatever became of an invitation when its sender lost the right to invite: it counts here.
        InvitationState::Pending if members::governs(tx, invitation.invited_by.into()).await? => Ok(()),
        InvitationState::Pending | InvitationState::Revoked | InvitationState::Frozen => Err(InvitationFault::NotFound.into()),
        InvitationState::Accepted => Err(InvitationFault::AlreadyAccepted.into()),
        InvitationState::Expired => Err(InvitationFault::Expired.into()),
    }
}

/// What the page shows before anybody accepts: looking spends nothing.
pub struct Offer {
    /// The address that it was sent to, and is for.
    pub email: MailAddress,
    pub organization: String,
    pub role: crate::roles::Role,
}

/// The offer behind a token, to whoever read it in their mailbox; to somebody who is signed in only
/// when it is theirs.
///
/// 404 for an unknown or revoked token, 410 for an expired one, 409 for a spent one, 403 when it was
/// sent to another address than `person`'s.
pub async fn look(core: &Core, person: Option<&Acceptor>, token: &Secret) -> Result<Offer, Failed<InvitationFault>> {
    let token_hash = chance::digest(token.expose());
    let mut system = core.store.system_read(WHY).await?;
    let org = organization_of(&mut system, token).await?;
    drop(system);
    let who = person.map_or(Who::system("invitations"), |person| person.who.clone());
    let mut tx = core.store.begin(Pin { org, who, rights: None }, Mode::Read).await?;
    let invitation = store::by_token(&mut tx, &token_hash).await?.ok_or(InvitationFault::NotFound)?;
    let email: MailAddress = invitation.email.parse().map_err(Failure::internal)?;
    open_for(&mut tx, &invitation, person.map_or(&email, |person| &person.email)).await?;
    let organization = organizations::current(&mut tx).await?.name;
    Ok(Offer { email, organization, role: invitation.role() })
}
