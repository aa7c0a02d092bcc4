//! Choosing a new password with the link from a mail.

use ::store::{AuditLine, System};
use host::Core;
use kernel::{Actor, Failed, Failure, OrgId, Secret};
use web::limits::{Counters, Way, Whose};

use super::{ProofFault, Purpose, store};
use crate::accounts::{self, Model};
use crate::client::Client;
use crate::events::PasswordChanged;
use crate::passwords::{self, About};
use crate::{Identity, letters, sessions, trail};

/// Spends the token and sets the password. Every session of the account ends, and none begins: the
/// person signs in with the new password. The mailbox has been proven on the way.
///
/// 422 for a token or a password that is refused; a refused password does not spend the token. 429 for too
/// many tries.
pub(crate) async fn reset_password(core: &Core, token: &Secret, typed: &Secret, client: &Client) -> Result<(), Failed<ProofFault>> {
    let identity = Identity::of(core);
    let account = owner(core, token).await?;
    passwords::count_choice(core, token, client).await?;
    let password = passwords::choose(&identity.pool, identity.settings.rules(), "password", typed, about(core, &account).await?).await?;
    let hash = identity.pool.hash(&password).await?;

    let now = core.clock.now_secure();
    let mut system = core.store.system("a password is reset").await?;
    // Only now is it spent: of two who race, the second is refused here.
    store::spend(&mut system, token, Purpose::Reset, now).await?.ok_or(ProofFault::TokenRefused)?;
    let id = account.account_id();
    if !accounts::store::set_password(&mut system, id, &account.password_hash, &hash, now).await? {
        return Err(ProofFault::TokenRefused.into());
    }
    accounts::store::verify(&mut system, id, now).await?;
    sessions::end_all(&mut system, id, now).await?;
    // Whoever locked the owner out by failing on purpose has not kept them out.
    Counters::of(core, Way::SignIn, &[Whose::Account(&account.email_normal)]).clear(&mut system).await?;
    announce(core, system, &account, client, "account.password_reset").await?;
    Ok(())
}

async fn owner(core: &Core, token: &Secret) -> Result<Model, Failed<ProofFault>> {
    let mut system = core.store.system_read("whose password is reset").await?;
    let owner = store::owner(&mut system, token, Purpose::Reset, core.clock.now_secure()).await?.ok_or(ProofFault::TokenRefused)?;
    let account = accounts::store::find(&mut system, owner).await?.filter(|account| account.is_active);
    Ok(account.ok_or(ProofFault::TokenRefused)?)
}

/// What the rules compare a new password with.
pub(super) async fn about(core: &Core, account: &Model) -> Result<About, Failure> {
    let mut system = core.store.system_read("where a person who chooses a password is a member").await?;
    let places = tenancy::memberships_of(&mut system, account.account_id()).await?;
    let organizations = places.into_iter().flat_map(|place| [place.organization.name, place.organization.slug]);
    Ok(About { email: account.email_normal.clone(), names: organizations.chain([account.full_name.clone()]).collect() })
}

/// Commits a change of password with its letter, its event and its line in the trail.
pub(super) async fn announce(
    core: &Core,
    mut system: System,
    account: &Model,
    client: &Client,
    action: &'static str,
) -> Result<(), Failure> {
    let (id, letter) = (account.account_id(), letters::password_changed(core, account, system.now())?);
    if let Some(org) = account.default_org.map(OrgId::from) {
        let mut tx = trail::within(system, org, Actor::Account(id), client).await?;
        tx.audit(AuditLine::new(action, "account", id.uuid())).await?;
        tx.emit(&PasswordChanged { account: id }).await?;
        mail::send(&mut tx, letter).await?;
        tx.commit().await?;
    } else {
        mail::send_system(&mut system, letter).await?;
        system.commit().await?;
    }
    Identity::of(core).remembered.forget();
    Ok(())
}
