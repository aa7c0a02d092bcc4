//! Showing that an address is one's own.

use ::store::AuditLine;
use host::Core;
use kernel::{Actor, At, Failed, Failure, OrgId, Secret, chance};

use super::{ProofFault, Purpose, store};
use crate::client::Client;
use crate::events::AddressVerified;
use crate::{Identity, accounts, registrations, trail};

/// What somebody shows who has read the mail.
#[derive(Clone, Copy)]
pub(crate) struct Proof<'a> {
    pub token: &'a Secret,
    /// Of an account that begins with it.
    pub password: Option<&'a Secret>,
}

/// An address that is somebody's.
pub(crate) struct Verified {
    pub at: At,
    /// Whether the account began with it.
    pub is_new_account: bool,
}

/// Spends the token of the mail, which is that of an account or of a registration that waits. The latter
/// begins with the password that is chosen with it. Signs nobody in.
///
/// 422 `proof_token_refused` for a token that is unknown, expired or spent; 422 `validation_failed` for a
/// password that is missing, refused or not wanted, which spends nothing; 429 for too many tries.
pub(crate) async fn verify_email(core: &Core, proof: Proof<'_>, client: &Client) -> Result<Verified, Failed<ProofFault>> {
    if !chance::is_token(proof.token.expose()) {
        return Err(ProofFault::TokenRefused.into());
    }
    if let Some(waiting) = registrations::waiting(core, proof.token).await? {
        let at = registrations::finish(core, &waiting, proof, client).await?;
        return Ok(Verified { at, is_new_account: true });
    }
    let now = core.clock.now_secure();
    // Made-up ones end here: they wait for nobody who writes, and nobody waits for them.
    let mut reading = core.store.system_read("whether a token of a verification is one of ours").await?;
    store::owner(&mut reading, proof.token, Purpose::Verify, now).await?.ok_or(ProofFault::TokenRefused)?;
    drop(reading);
    if proof.password.is_some() {
        // Whoever sends one believes that it would hold from now on.
        return Err(Failure::field("password", "must be left out: this account has a password, and it stays").into());
    }
    let mut system = core.store.system("whose address is verified").await?;
    let account = store::spend(&mut system, proof.token, Purpose::Verify, now).await?.ok_or(ProofFault::TokenRefused)?;
    accounts::store::verify(&mut system, account, now).await?;
    let found = accounts::store::find(&mut system, account).await?.ok_or(ProofFault::TokenRefused)?;
    match found.default_org.map(OrgId::from) {
        Some(org) => {
            let mut tx = trail::within(system, org, Actor::Account(account), client).await?;
            tx.audit(AuditLine::new("account.address_verified", "account", account.uuid())).await?;
            tx.emit(&AddressVerified { account }).await?;
            tx.commit().await?;
        }
        None => system.commit().await?,
    }
    Identity::of(core).remembered.forget();
    Ok(Verified { at: found.email_verified_at.unwrap_or(now), is_new_account: false })
}
