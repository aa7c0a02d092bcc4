//! Showing that an address is one's own.

use ::store::AuditLine;
use host::Core;
use kernel::{Actor, At, Failed, OrgId, Secret};

use super::{ProofFault, Purpose, store};
use crate::client::Client;
use crate::events::AddressVerified;
use crate::{Identity, accounts, trail};

/// Spends the token of the mail. Signs nobody in.
///
/// 422 `proof_token_refused` for one that is unknown, expired or spent.
pub(crate) async fn verify_email(core: &Core, token: &Secret, client: &Client) -> Result<At, Failed<ProofFault>> {
    let now = core.clock.now_secure();
    let mut system = core.store.system("whose address is verified").await?;
    let account = store::spend(&mut system, token, Purpose::Verify, now).await?.ok_or(ProofFault::TokenRefused)?;
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
    Ok(found.email_verified_at.unwrap_or(now))
}
