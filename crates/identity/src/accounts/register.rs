//! Registering: an account and the organization that it founds, at once or when the link in the mail
//! is used.

use host::Core;
use kernel::{AccountId, Actor, Check, Failed, Failure, OrgId};
use tenancy::organizations::slug;
use tenancy::{MembershipView, NewOrganization};
use web::limits::{self, Way, Whose};

use super::account::{Model, NAME_LEN_MAX, Register};
use super::{AccountFault, founding, store};
use crate::client::Client;
use crate::passwords::{self, About};
use crate::proofs::{self, Purpose};
use crate::sessions::{self, Kind, Opening};
use crate::signin::{self, SignedIn};
use crate::{Identity, Registration, RegistrationMode, letters, registrations};

/// What registering led to.
pub enum Registered {
    /// The account is there, and its owner is in.
    SignedIn(Box<SignedIn>),
    /// The address gets a mail; nothing is said about whose it is.
    ByMail,
}

/// Makes the account, founds its organization with it as the first admin, signs it in, and sends
/// the mail that verifies its address; in the mode `mail_first` all of it waits for that mail.
///
/// 403 when registration is not open, 422 for fields that are not right, 429 `rate_limited` after too
/// many from one network; in the mode `immediate` 409 `account_email_taken` or
/// `organization_slug_taken`.
pub async fn register(core: &Core, new: Register, kind: Kind, client: &Client) -> Result<Registered, Failed<AccountFault>> {
    let identity = Identity::of(core);
    match identity.settings.registration {
        Registration::Open => {}
        Registration::InviteOnly => return Err(AccountFault::RegistrationByInvitation.into()),
        Registration::Closed => return Err(AccountFault::RegistrationClosed.into()),
    }
    check(&new)?;
    // Before anything costly is done, also for those that are refused later: the answer to a taken
    // address is worth a question, too.
    limits::count(core, Way::Register, &[Whose::Network(&client.network)]).await?;
    match identity.settings.mode(core.environment) {
        RegistrationMode::Immediate => {
            // Hashing comes before the transaction: it takes longer than all of it.
            let hash = passwords::hash_chosen(&identity, new.password.as_ref(), about(&new)).await?;
            let signed_in = at_once(core, &identity, new, hash, Entering { kind, client }).await?;
            Ok(Registered::SignedIn(Box::new(signed_in)))
        }
        RegistrationMode::MailFirst => {
            if is_within_limits(core, &new, client).await? {
                registrations::ask(core, new).await?;
            }
            Ok(Registered::ByMail)
        }
    }
}

/// Whether one more mail may go to this address. Each is a mail to a stranger, whoever asks for it. Past the
/// limit the answer is the same and no mail is written: nobody learns that somebody else asked for this address.
///
/// What all networks share is counted last: one of them doesn't use it up for the others by asking in vain.
async fn is_within_limits(core: &Core, new: &Register, client: &Client) -> Result<bool, Failure> {
    let (way, email) = (Way::RegistrationMail, new.email.normal());
    Ok(limits::count_unseen(core, way, &[Whose::From(&client.network, email)]).await?
        && limits::count_unseen(core, way, &[Whose::Account(email)]).await?)
}

fn check(new: &Register) -> Result<(), Failure> {
    let mut check = Check::new();
    check.name("full_name", &new.full_name, 1..=NAME_LEN_MAX);
    check.name("org_name", &new.org_name, 1..=NAME_LEN_MAX);
    if let Some(Err(wrong)) = new.org_slug.as_deref().map(slug::check) {
        check.that(false, "org_slug", wrong.to_string());
    }
    check.done()
}

fn about(new: &Register) -> About {
    let names = [Some(new.full_name.clone()), Some(new.org_name.clone()), new.org_slug.clone()];
    About { email: new.email.normal().to_owned(), names: names.into_iter().flatten().collect() }
}

#[derive(Clone, Copy)]
struct Entering<'a> {
    kind: Kind,
    client: &'a Client,
}

async fn at_once(
    core: &Core,
    identity: &Identity,
    new: Register,
    hash: String,
    entering: Entering<'_>,
) -> Result<SignedIn, Failed<AccountFault>> {
    let now = core.clock.now_secure();
    let (id, org) = (AccountId::new(now), OrgId::new(now));
    let mut system = core.store.system("registering makes an account before its organization").await?;
    let row = store::Row { id, email: &new.email, full_name: &new.full_name, password_hash: hash, org, verified_at: None };
    let account = store::insert(&mut system, row).await.map_err(founding::taken)?;
    let opening =
        Opening { account: id, org: Some(org), kind: entering.kind, ends_by: None, proven_at: Some(now), client: entering.client };
    let begun = sessions::begin(&mut system, identity, now, opening).await?;
    let device = signin::remember_device(&mut system, id, entering.kind, entering.client, now).await?;
    let token = proofs::issue(&mut system, id, Purpose::Verify, now).await?;
    let letter = letters::verify(core, &account, &token)?;

    let mut tx = system.within(org, Actor::Account(id)).await?;
    let place = settle(&mut tx, new, &account, letter).await?;
    tx.commit().await?;
    Ok(SignedIn { account, place: Some(place), begun, device: device.fresh })
}

/// The organization's part of the transaction.
async fn settle(
    tx: &mut ::store::Tx,
    new: Register,
    account: &Model,
    letter: mail::Letter,
) -> Result<MembershipView, Failed<AccountFault>> {
    let organization = NewOrganization { name: new.org_name, slug: new.org_slug, may_vary: false };
    let place = founding::found(tx, account, organization).await?;
    mail::send(tx, letter).await?;
    Ok(place)
}
