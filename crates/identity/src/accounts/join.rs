//! Accepting an invitation without an account: the account begins with it. The token was in one
//! mailbox only, so the address is proven; it signs nobody in.

use host::Core;
use kernel::{AccountId, Actor, Check, Failed, FaultCode, MailAddress, Secret};
use serde::Deserialize;
use tenancy::invitations::{self, AcceptedView, Acceptor, InvitationFault, Offer};
use utoipa::ToSchema;
use web::limits::{self, Way, Whose};

use super::account::NAME_LEN_MAX;
use super::{AccountFault, founding, store};
use crate::client::Client;
use crate::passwords::{self, About};
use crate::{Identity, Registration};

/// What somebody brings who was invited and has no account yet.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// From the link in the mail.
    pub token: Secret,
    /// At least 12 characters unless configured otherwise; a short sentence is best.
    pub password: Secret,
    #[schema(min_length = 1, max_length = 200)]
    pub full_name: String,
}

/// What can be wrong: with the account, or with the invitation.
#[derive(Debug, Clone, Copy)]
pub enum JoinFault {
    Account(AccountFault),
    Invitation(InvitationFault),
}

impl FaultCode for JoinFault {
    fn all() -> &'static [Self] {
        &[
            Self::Account(AccountFault::EmailTaken),
            Self::Account(AccountFault::RegistrationClosed),
            Self::Invitation(InvitationFault::NotFound),
            Self::Invitation(InvitationFault::AlreadyAccepted),
            Self::Invitation(InvitationFault::Expired),
        ]
    }

    fn code(self) -> &'static str {
        match self {
            Self::Account(fault) => fault.code(),
            Self::Invitation(fault) => fault.code(),
        }
    }

    fn status(self) -> u16 {
        match self {
            Self::Account(fault) => fault.status(),
            Self::Invitation(fault) => fault.status(),
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::Account(fault) => fault.message(),
            Self::Invitation(fault) => fault.message(),
        }
    }
}

/// What the invitation offers, and whether its address has an account: told to whoever holds the
/// token, which is whoever reads that mailbox.
pub(crate) async fn offer(core: &Core, token: &Secret) -> Result<(Offer, bool), Failed<JoinFault>> {
    let offer = invitations::look(core, None, token).await.map_err(Failed::of)?;
    let mut system = core.store.system_read("whether somebody who is invited has an account").await?;
    let has_account = store::by_email(&mut system, &offer.email).await?.is_some();
    Ok((offer, has_account))
}

/// Makes the account and accepts the invitation with it, in one transaction.
///
/// 404, 409 or 410 for a token that does not open, 409 `account_email_taken` for somebody who has an
/// account and should sign in, 403 `registration_closed`, 422 for fields that are not right, 429 after
/// too many from one network.
pub async fn join(core: &Core, new: Join, client: &Client) -> Result<AcceptedView, Failed<JoinFault>> {
    let identity = Identity::of(core);
    if identity.settings.registration == Registration::Closed {
        return Err(JoinFault::Account(AccountFault::RegistrationClosed).into());
    }
    let mut check = Check::new();
    check.name("full_name", &new.full_name, 1..=NAME_LEN_MAX);
    check.done()?;
    limits::count(core, Way::Register, &[Whose::Network(&client.network)]).await?;
    let (offer, has_account) = offer(core, &new.token).await?;
    if has_account {
        return Err(JoinFault::Account(AccountFault::EmailTaken).into());
    }
    let about = About { email: offer.email.normal().to_owned(), names: vec![new.full_name.clone(), offer.organization] };
    let password = passwords::choose(&identity.pool, identity.settings.rules(), "password", &new.password, about).await?;
    let hash = identity.pool.hash(&password).await?;
    make(core, &new, &offer.email, hash, client).await
}

async fn make(
    core: &Core,
    new: &Join,
    email: &MailAddress,
    password_hash: String,
    client: &Client,
) -> Result<AcceptedView, Failed<JoinFault>> {
    let now = core.clock.now_secure();
    let id = AccountId::new(now);
    let mut system = core.store.system("an account begins with an invitation").await?;
    let org = invitations::organization_of(&mut system, &new.token).await.map_err(Failed::of)?;
    let row = store::Row { id, email, full_name: &new.full_name, password_hash, org, verified_at: Some(now) };
    let account = store::insert(&mut system, row).await.map_err(|error| founding::taken(error).of())?;
    let who = client.who(Actor::Account(id));
    let mut tx = system.within(org, who.clone()).await?;
    founding::tell(&mut tx, id).await?;
    let person = Acceptor::newcomer(who, id, account.full_name, email.clone());
    // Of two who race, the second finds the address taken or the invitation spent.
    let accepted = invitations::accept_within(&mut tx, person, &new.token).await.map_err(Failed::of)?;
    tx.commit().await?;
    Ok(accepted)
}
