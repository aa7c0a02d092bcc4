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
use crate::proofs::{Proof, ProofFault};
use crate::{Identity, Registration, letters, passwords, trail};

const WRITE_TO: Workflow<Uuid> = Workflow::new("identity.registration_mail", 1);
const GRANT: Activity<Uuid, ()> = Activity::new("identity.write_to_registered");

pub(super) fn register(app: &mut Registry) {
    app.workflow(WRITE_TO, answer_by_mail);
    app.activity(GRANT, grant);
}

/// Writes the registration down, without any password. The work is the same for every address: whose
/// it is, only the durable work that begins here finds out.
pub(crate) async fn ask(core: &Core, new: Register) -> Result<(), Failure> {
    let now = core.clock.now_secure();
    let id = chance::uuid_v7(now);
    let mut system = core.store.system("a registration waits for its mail").await?;
    store::insert(&mut system, id, new, Identity::of(core).pool.nobody(), now).await?;
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

/// The registration that this token would finish; `None` for a token of another kind.
pub(crate) async fn waiting(core: &Core, token: &Secret) -> Result<Option<Model>, Failure> {
    let mut system = core.store.system_read("what a registration would make").await?;
    Ok(store::by_token(&mut system, token, core.clock.now_secure()).await?)
}

/// Makes the account with the password that is chosen now, and its organization, and signs nobody in. A slug
/// that was taken meanwhile becomes one like it: the person behind the link can change it, and could do
/// nothing about a refusal.
///
/// 422 `validation_failed` for a password that is missing or refused, which does not spend the token;
/// 422 `proof_token_refused` for one that was spent meanwhile, for one whose address has an account by now,
/// and when nobody may register any more; 429 for too many tries.
pub(crate) async fn finish(core: &Core, waiting: &Model, proof: Proof<'_>, client: &Client) -> Result<At, Failed<ProofFault>> {
    let identity = Identity::of(core);
    if identity.settings.registration != Registration::Open {
        return Err(ProofFault::TokenRefused.into());
    }
    // Both before anything costly is done: with a link at hand each try would be a hash for nothing.
    passwords::count_choice(core, proof.token, client).await?;
    if has_account(core, waiting).await? {
        return Err(spend(core, waiting).await?.into());
    }
    let password_hash = passwords::hash_chosen(&identity, proof.password, waiting.about()).await?;
    let now = core.clock.now_secure();
    let mut system = core.store.system("a registration is finished").await?;
    // Only now is it spent: of two who race, the second is refused here.
    let asked = store::take(&mut system, proof.token, now).await?.ok_or(ProofFault::TokenRefused)?;
    make(system, asked, password_hash, client, now).await?;
    Ok(now)
}

async fn has_account(core: &Core, waiting: &Model) -> Result<bool, Failure> {
    let mut system = core.store.system_read("whether a registration came too late").await?;
    Ok(accounts::store::by_email(&mut system, &waiting.address()?).await?.is_some())
}

/// Puts a registration away that can make nothing any more: whoever has two links and used one has an account.
async fn spend(core: &Core, waiting: &Model) -> Result<ProofFault, Failure> {
    let mut system = core.store.system("a registration came too late").await?;
    store::delete(&mut system, waiting.id).await?;
    system.commit().await?;
    Ok(ProofFault::TokenRefused)
}

async fn make(mut system: System, asked: Taken, password_hash: String, client: &Client, now: At) -> Result<(), Failed<ProofFault>> {
    let (id, org) = (AccountId::new(now), OrgId::new(now));
    let email: MailAddress = asked.email.parse().map_err(Failure::internal)?;
    let row = accounts::store::Row { id, email: &email, full_name: &asked.full_name, password_hash, org, verified_at: Some(now) };
    // Of two links that are used at the same moment, one makes the account; the other is spent by its next use.
    let taken = |error: ::store::StoreError| if accounts::is_taken(&error) { ProofFault::TokenRefused.into() } else { error.into() };
    let account = accounts::store::insert(&mut system, row).await.map_err(|error| -> Failed<ProofFault> { taken(error) })?;
    let mut tx = trail::within(system, org, Actor::Account(id), client).await?;
    let organization = NewOrganization { name: asked.org_name, slug: asked.org_slug, may_vary: true };
    accounts::found(&mut tx, &account, organization).await.map_err(Failed::of)?;
    tx.audit(AuditLine::new("account.address_verified", "account", id.uuid())).await?;
    tx.emit(&AddressVerified { account: id }).await?;
    Ok(tx.commit().await?)
}
