//! Showing that an address is one's own.

use ::store::AuditLine;
use host::Core;
use kernel::{Actor, At, Failed, OrgId, Secret};

use super::{ProofFault, Purpose, store};
use crate::client::Client;
use crate::events::AddressVerified;
use crate::{Identity, accounts, registrations, trail};

/// An address that is somebody's.
pub(crate) struct Verified {
    pub at: At,
    /// Whether the account began with it.
    pub is_new_account: bool,
}

/// Spends the token of the mail, which is that of an account or of a registration that waits.
/// Signs nobody in.
///
/// 422 `proof_token_refused` for one that is unknown, expired or spent.
pub(crate) async fn verify_email(core: &Core, token: &Secret, client: &Client) -> Result<Verified, Failed<ProofFault>> {
    let now = core.clock.now_secure();
    let mut system = core.store.system("whose address is verified").await?;
    let Some(account) = store::spend(&mut system, token, Purpose::Verify, now).await? else {
        let at = registrations::finish(core, system, token, client).await?;
        return Ok(Verified { at, is_new_account: true });
    };
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
