//! Asking for an account, and making it with the token from the mail.

use ::store::{AuditLine, System};
use flows::{Activity, FlowCx, FlowFault, Flows as _, StartOptions, Workflow};
use host::{Core, Registry, Work};
use kernel::{AccountId, Actor, At, Failed, Failure, MailAddress, OrgId, Secret, chance};
use tenancy::NewOrganization;
use uuid::Uuid;

use super::registration::Model;
use super::store::{self, Taken};
use crate::accounts::{self, Register};
use crate::client::Client;
use crate::events::AddressVerified;
use crate::proofs::ProofFault;
use crate::{Identity, Registration, letters, trail};

const WRITE_TO: Workflow<Uuid> = Workflow::new("identity.registration_mail", 1);
const GRANT: Activity<Uuid, ()> = Activity::new("identity.write_to_registered");

pub(super) fn register(app: &mut Registry) {
    app.workflow(WRITE_TO, answer_by_mail);
    app.activity(GRANT, grant);
}

/// Writes the registration down, with the hash of its password. The work is the same for every
/// address: whose it is, only the durable work that begins here finds out.
pub(crate) async fn ask(core: &Core, new: Register, password_hash: String) -> Result<(), Failure> {
    let now = core.clock.now_secure();
    let id = chance::uuid_v7(now);
    let mut system = core.store.system("a registration waits for its mail").await?;
    store::insert(&mut system, id, new, password_hash, now).await?;
    flows::start_system(&mut system, WRITE_TO, &id, StartOptions::default()).await?;
    Ok(system.commit().await?)
}

async fn answer_by_mail(mut cx: FlowCx, id: Uuid) -> Result<(), FlowFault> {
    cx.step(GRANT, id).await
}

async fn grant(work: Work, id: Uuid) -> Result<(), Failure> {
    let core = &work.core;
    let mut system = core.store.system("whom the mail of a registration goes to").await?;
    // Without a row it expired before anybody worked; with a token it was written to by an earlier try.
    let Some(waiting) = store::find(&mut system, id).await?.filter(|waiting| waiting.token_hash.is_none()) else { return Ok(()) };
    let letter = match accounts::store::by_email(&mut system, &waiting.address()?).await? {
        None => Some(invite_to_finish(core, &mut system, &waiting).await?),
        Some(account) => {
            store::delete(&mut system, id).await?;
            // A frozen account gets no mail, as for every other wish.
            account.is_active.then(|| letters::registered_already(core, &account, id)).transpose()?
        }
    };
    if let Some(letter) = letter {
        mail::send_system(&mut system, letter).await?;
    }
    Ok(system.commit().await?)
}

async fn invite_to_finish(core: &Core, system: &mut System, waiting: &Model) -> Result<mail::Letter, Failure> {
    let (token, now) = (chance::token(), core.clock.now_secure());
    store::arm(system, waiting.id, &token, now).await?;
    let about =
        letters::Finishing { name: &waiting.full_name, organization: &waiting.org_name, until: now + super::registration::LIFETIME };
    letters::finish_registration(core, waiting.address()?, &about, &token)
}

/// The organization that this token would found; `None` for a token of another kind.
pub(crate) async fn founding(core: &Core, token: &Secret) -> Result<Option<String>, Failure> {
    let mut system = core.store.system_read("what a registration would make").await?;
    Ok(store::by_token(&mut system, token, core.clock.now_secure()).await?.map(|waiting| waiting.org_name))
}

/// Makes the account and its organization, goes on from where the token was looked for, and signs
/// nobody in. A slug that was taken meanwhile becomes one like it: the person behind the link can
/// change it, and could do nothing about a refusal.
///
/// 422 `proof_token_refused` for a token that is unknown, expired or spent, and when nobody may
/// register any more.
pub(crate) async fn finish(core: &Core, mut system: System, token: &Secret, client: &Client) -> Result<At, Failed<ProofFault>> {
    let now = core.clock.now_secure();
    if Identity::of(core).settings.registration != Registration::Open {
        return Err(ProofFault::TokenRefused.into());
    }
    let asked = store::take(&mut system, token, now).await?.ok_or(ProofFault::TokenRefused)?;
    make(system, asked, client, now).await?;
    Ok(now)
}

async fn make(mut system: System, asked: Taken, client: &Client, now: At) -> Result<(), Failed<ProofFault>> {
    let (id, org) = (AccountId::new(now), OrgId::new(now));
    let email: MailAddress = asked.email.parse().map_err(Failure::internal)?;
    let row = accounts::store::Row {
        id,
        email: &email,
        full_name: &asked.full_name,
        password_hash: asked.password_hash,
        org,
        verified_at: Some(now),
    };
    // Whoever has two links and uses both has an account already.
    let taken = |error: ::store::StoreError| if accounts::is_taken(&error) { ProofFault::TokenRefused.into() } else { error.into() };
    let account = accounts::store::insert(&mut system, row).await.map_err(|error| -> Failed<ProofFault> { taken(error) })?;
    let mut tx = trail::within(system, org, Actor::Account(id), client).await?;
    let organization = NewOrganization { name: asked.org_name, slug: asked.org_slug, may_vary: true };
    accounts::found(&mut tx, &account, organization).await.map_err(Failed::of)?;
    tx.audit(AuditLine::new("account.address_verified", "account", id.uuid())).await?;
    tx.emit(&AddressVerified { account: id }).await?;
    Ok(tx.commit().await?)
}
