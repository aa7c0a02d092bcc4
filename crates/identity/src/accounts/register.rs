//! Registering: an account and the organization that it founds, in one transaction.

use ::store::{AuditLine, StoreError, Tx};
use host::Core;
use kernel::{AccountId, Actor, Check, Failed, Failure, OrgId, Secret};
use tenancy::{FirstMember, MembershipView, NewOrganization, OrganizationView, Role};
use web::limits::{self, Way, Whose};

use super::account::{Model, NAME_LEN_MAX, Register};
use super::{AccountFault, store};
use crate::client::Client;
use crate::events::AccountRegistered;
use crate::passwords::{self, About};
use crate::proofs::{self, Purpose};
use crate::sessions::{self, Kind, Opening};
use crate::signin::{self, SignedIn};
use crate::{Identity, Registration, letters};

/// Makes the account, founds its organization with it as the first admin, signs it in, and sends
/// the mail that verifies its address.
///
/// 403 when registration is not open, 409 `account_email_taken` or `organization_slug_taken`, 422
/// for fields that are not right, 429 `rate_limited` after too many from one network.
pub async fn register(core: &Core, new: Register, kind: Kind, client: &Client) -> Result<SignedIn, Failed<AccountFault>> {
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
    // Hashing comes before the transaction: it takes longer than all of it.
    let password = passwords::choose(&identity.pool, identity.settings.rules(), "password", &new.password, about(&new)).await?;
    let hash = identity.pool.hash(&password).await?;
    found(core, &identity, new, hash, Entering { kind, client }).await
}

fn check(new: &Register) -> Result<(), Failure> {
    let mut check = Check::new();
    check.text("full_name", &new.full_name, 1..=NAME_LEN_MAX);
    check.text("org_name", &new.org_name, 1..=NAME_LEN_MAX);
    check.done()
}

pub(super) fn about(new: &Register) -> About {
    About {
        email: new.email.normal().to_owned(),
        full_name: new.full_name.clone(),
        org_name: new.org_name.clone(),
        org_slug: new.org_slug.clone().unwrap_or_default(),
    }
}

#[derive(Clone, Copy)]
struct Entering<'a> {
    kind: Kind,
    client: &'a Client,
}

/// What the platform's part of the transaction made.
struct Made {
    account: Model,
    token: Secret,
}

async fn found(
    core: &Core,
    identity: &Identity,
    new: Register,
    hash: String,
    entering: Entering<'_>,
) -> Result<SignedIn, Failed<AccountFault>> {
    let now = core.clock.now_secure();
    let (id, org) = (AccountId::new(now), OrgId::new(now));
    let mut system = core.store.system("registering makes an account before its organization").await?;
    let row = store::Row { id, email: &new.email, full_name: &new.full_name, password_hash: hash, org };
    let account = store::insert(&mut system, row).await.map_err(taken)?;
    let opening = Opening { account: id, org: Some(org), kind: entering.kind, ends_by: None, client: entering.client };
    let begun = sessions::begin(&mut system, identity, now, opening).await?;
    let device = signin::remember_device(&mut system, id, entering.kind, entering.client, now).await?;
    let token = proofs::issue(&mut system, id, Purpose::Verify, now).await?;

    let mut tx = system.within(org, Actor::Account(id)).await?;
    let place = settle(&mut tx, new, &Made { account: account.clone(), token }, core).await?;
    tx.commit().await?;
    Ok(SignedIn { account, place: Some(place), begun, device: device.fresh })
}

/// The organization's part of the transaction.
async fn settle(tx: &mut Tx, new: Register, made: &Made, core: &Core) -> Result<MembershipView, Failed<AccountFault>> {
    let account = made.account.account_id();
    let organization = NewOrganization { name: new.org_name, slug: new.org_slug };
    let first = FirstMember { account, name: made.account.full_name.clone(), email: new.email };
    let founded = tenancy::found(tx, organization, first).await.map_err(in_our_words)?;
    tx.audit(AuditLine::new("account.registered", "account", account.uuid())).await?;
    tx.emit(&AccountRegistered { account }).await?;
    mail::send(tx, letters::verify(core, &made.account, &made.token)?).await?;
    Ok(MembershipView {
        member: founded.member.member_id(),
        version: founded.member.version,
        role: Role::Admin,
        organization: OrganizationView::from(founded.organization),
    })
}

pub(super) fn taken(error: StoreError) -> Failed<AccountFault> {
    if error.violates("accounts", "email_normal") { AccountFault::EmailTaken.into() } else { error.into() }
}

/// The same refusal, under the names that the fields have here.
fn in_our_words(failed: Failed<tenancy::OrganizationFault>) -> Failed<AccountFault> {
    let mut failure = failed.into_failure();
    failure.fields = failure.fields.into_iter().map(|(field, wrong)| (format!("org_{field}"), wrong)).collect();
    failure.into()
}
