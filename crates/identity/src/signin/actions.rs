//! The verb.

use host::Core;
use kernel::{AccountId, Actor, At, Failed, Failure, MailAddress, OrgId, Secret};
use serde::Deserialize;
use store::{AuditLine, StoreError, System};
use tenancy::MembershipView;
use tenancy::verification::VerificationFault;
use utoipa::ToSchema;
use web::limits::{Counters, Way, Whose};

use super::{SignInFault, devices, place};
use crate::accounts::{self, Model};
use crate::client::Client;
use crate::events::SignedIn as SignedInEvent;
use crate::passwords::{self, Password, Verdict};
use crate::sessions::{self, Begun, Kind, Opening, TokensView};
use crate::{Identity, letters, trail};

/// What somebody shows.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    pub email: MailAddress,
    pub password: Secret,
    /// Where to go, for somebody who is a member of several organizations; the usual one when absent.
    pub org_id: Option<OrgId>,
}

/// Somebody who is in.
pub struct SignedIn {
    pub account: Model,
    pub place: Option<MembershipView>,
    pub(crate) begun: Begun,
    /// The device cookie, for a browser that had none.
    pub(crate) device: Option<Secret>,
}

impl SignedIn {
    /// The secrets of an API client.
    pub(crate) fn tokens(&self, core: &Core) -> Result<TokensView, Failure> {
        TokensView::of(core, &self.account, self.place.as_ref(), &self.begun)
    }
}

/// Lets somebody in who shows the right password.
///
/// 401 `credentials_wrong` alike for an unknown address, a wrong password and a frozen account, and
/// after the same work; 429 `rate_limited` after too many failures; 403 `account_not_verified`
/// where the settings demand a verified address; 404 `organization_not_found` for one that the
/// person is no member of.
pub async fn sign_in(core: &Core, shown: Credentials, kind: Kind, client: &Client) -> Result<SignedIn, Failed<SignInFault>> {
    let identity = Identity::of(core);
    let password = passwords::read("password", &shown.password)?;
    let attempt = Attempt::begin(core, &shown.email, client).await?;
    // No transaction is open while the password is hashed.
    let stored = attempt.account.as_ref().map(|account| account.password_hash.as_str());
    let verdict = identity.pool.verify(&password, stored).await?;
    match attempt.admitted(verdict) {
        Some(account) if identity.settings.verified_to_sign_in && account.email_verified_at.is_none() => {
            Err(Failure::new(VerificationFault::NotVerified).into())
        }
        Some(account) => {
            let rehashed = if verdict.is_outdated { Some(identity.pool.hash(&password).await?) } else { None };
            admit(core, &identity, &attempt, Admission { account, org: shown.org_id, kind, client, rehashed }).await
        }
        None => Err(refuse(core, &attempt, client).await?),
    }
}

/// What is known before the password is looked at.
struct Attempt {
    account: Option<Model>,
    counters: Counters,
    now: At,
}

impl Attempt {
    async fn begin(core: &Core, email: &MailAddress, client: &Client) -> Result<Self, Failure> {
        let now = core.clock.now_secure();
        let mut system = core.store.system_read("who signs in").await?;
        let account = accounts::store::by_email(&mut system, email).await?;
        // The same question is asked for an address that nobody has.
        let asked = account.as_ref().map_or(AccountId::from(uuid::Uuid::nil()), Model::account_id);
        let counters = match client.device_mark() {
            Some(mark) if devices::is_known(&mut system, asked, &mark).await? => Counters::of(core, Way::SignIn, &[Whose::Device(&mark)]),
            _ => Counters::of(core, Way::SignIn, &[Whose::Account(email.normal()), Whose::Network(&client.network)]),
        };
        counters.check(&mut system, now).await?;
        Ok(Self { account, counters, now })
    }

    /// The account, if this is its password and it is not frozen.
    fn admitted(&self, verdict: Verdict) -> Option<&Model> {
        self.account.as_ref().filter(|account| verdict.matches && account.is_active)
    }
}

struct Admission<'a> {
    account: &'a Model,
    /// The organization that was asked for.
    org: Option<OrgId>,
    kind: Kind,
    client: &'a Client,
    /// The same password at today's cost.
    rehashed: Option<String>,
}

async fn admit(core: &Core, identity: &Identity, attempt: &Attempt, new: Admission<'_>) -> Result<SignedIn, Failed<SignInFault>> {
    let (now, id) = (attempt.now, new.account.account_id());
    let mut system = core.store.system("a session begins with its account").await?;
    // Once more: guesses that were sent at the same moment may have failed meanwhile.
    attempt.counters.check(&mut system, now).await?;
    attempt.counters.clear(&mut system).await?;
    if let Some(hash) = &new.rehashed {
        accounts::store::rehash(&mut system, id, &new.account.password_hash, hash, now).await?;
    }
    let place = place::wanted(&mut system, new.account, new.org).await?;
    let org = place.as_ref().map(|place| place.organization.id);
    let begun = sessions::begin(
        &mut system,
        identity,
        now,
        Opening { account: id, org, kind: new.kind, ends_by: None, proven_at: Some(now), client: new.client },
    )
    .await?;
    let device = devices::remember(&mut system, id, new.kind, new.client, now).await?;
    let news = device.is_news.then(|| letters::new_device(core, new.account, new.client, now, begun.id)).transpose()?;
    conclude(system, org, &new, &begun, news).await?;
    Ok(SignedIn { account: new.account.clone(), place, begun, device: device.fresh })
}

/// The rest of the same transaction, inside the organization if there is one.
async fn conclude(
    mut system: System,
    org: Option<OrgId>,
    new: &Admission<'_>,
    begun: &Begun,
    news: Option<mail::Letter>,
) -> Result<(), Failure> {
    let account = new.account.account_id();
    let Some(org) = org else {
        if let Some(letter) = news {
            mail::send_system(&mut system, letter).await?;
        }
        return Ok(system.commit().await?);
    };
    let mut tx = trail::within(system, org, Actor::Account(account), new.client).await?;
    let how = serde_json::json!({ "session": begun.id, "kind": begun.kind.name() });
    tx.audit(AuditLine::new("account.signed_in", "account", account.uuid()).after(how)).await?;
    tx.emit(&SignedInEvent { account }).await?;
    if let Some(letter) = news {
        mail::send(&mut tx, letter).await?;
    }
    Ok(tx.commit().await?)
}

/// Counts the failure, and says what the caller is told: the same for everybody.
async fn refuse(core: &Core, attempt: &Attempt, client: &Client) -> Result<Failed<SignInFault>, StoreError> {
    let mut system = core.store.system("a sign-in failed").await?;
    let counted = attempt.counters.raise(&mut system, attempt.now).await?;
    system.commit().await?;
    tracing::warn!(event = "identity.sign_in_failed", network = %client.network, "a sign-in failed");
    if let Some((account, org)) = attempt.account.as_ref().and_then(|account| Some((account.account_id(), account.default_org?))) {
        note_failure(core, account, org.into(), client.clone());
    }
    Ok(counted.err().map_or_else(|| SignInFault::WrongCredentials.into(), Failed::from))
}

/// Writes the failure into the trail of the person's organization, beside the answer: an address
/// that nobody has leaves no such line, and the answer must not take longer for one that somebody
/// has.
fn note_failure(core: &Core, account: AccountId, org: OrgId, client: Client) {
    let noting = core.clone();
    core.tasks.spawn("identity.note_failure", async move {
        let line = AuditLine::new("account.sign_in_failed", "account", account.uuid());
        let noted = async {
            let system = noting.store.system("a failed sign-in is written into the trail").await?;
            trail::finish(system, Some(org), Actor::System("identity"), &client, line).await
        };
        if let Err(error) = noted.await {
            tracing::warn!(event = "identity.failure_not_noted", %error, "a failed sign-in was not written into the trail");
        }
    });
}

/// Whether this is the person's current password, counted like a sign-in: a stolen session must
/// not be a way to guess it.
pub(crate) async fn confirm(core: &Core, account: &Model, password: &Password, client: &Client) -> Result<bool, Failure> {
    let now = core.clock.now_secure();
    let counters = Counters::of(core, Way::Change, &[Whose::Account(&account.id.to_string()), Whose::Network(&client.network)]);
    counters.check(&mut core.store.system_read("how often a password was tried").await?, now).await?;
    let verdict = Identity::of(core).pool.verify(password, Some(&account.password_hash)).await?;
    let mut system = core.store.system("a password was confirmed or not").await?;
    if verdict.matches {
        counters.check(&mut system, now).await?;
        counters.clear(&mut system).await?;
    } else {
        // The next try will be told when this was one too many.
        let _counted = counters.raise(&mut system, now).await?;
    }
    system.commit().await?;
    Ok(verdict.matches)
}
