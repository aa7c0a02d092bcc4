//! From a connection to something that can be called.

use kernel::{At, ConnectionId, Failed, Failure, OrgId};
use store::{Cipher, Store, StoreError, Tx};

use super::connection::Model;
use super::new_connection::{API_KEY, WEBHOOK_SECRET};
use super::{ConnectionFault, store as rows};
use crate::provider::{Account, Gateway, ProviderName, Providers};

/// The gateway of a connection, with its secrets open. Take it inside a transaction, use it after:
/// calls to a provider never run while one is held.
///
/// 404 for one that is not there, 503 for one that is switched off.
pub async fn gateway(tx: &mut Tx, providers: &Providers, id: ConnectionId) -> Result<Gateway, Failed<ConnectionFault>> {
    let row = rows::by_id(tx, id).await?.ok_or(ConnectionFault::NotFound)?;
    if !row.is_active {
        return Err(ConnectionFault::ProviderNotConfigured.into());
    }
    let now = tx.now();
    Ok(open_secrets(tx.cipher(), providers, &row, now)?)
}

/// Opens the secrets of a connection for one piece of work.
pub(crate) fn open_secrets(cipher: &Cipher, providers: &Providers, row: &Model, now: At) -> Result<Gateway, Failure> {
    let name: ProviderName = row.provider.parse().map_err(|_| Failure::new(ConnectionFault::ProviderNotConfigured))?;
    let api_key = row.api_key.as_deref().map(|sealed| cipher.open(API_KEY, sealed)).transpose()?;
    let mut secrets = vec![cipher.open(WEBHOOK_SECRET, &row.webhook_secret)?];
    if let Some(before) = row.webhook_secret_before.as_deref().filter(|_| row.webhook_secret_before_until.is_some_and(|until| now < until))
    {
        secrets.push(cipher.open(WEBHOOK_SECRET, before)?);
    }
    // A row that came with a restored copy of another place is not followed either.
    let base_url = row.base_url.clone().filter(|_| providers.follows_rows()).or_else(|| providers.base_url(name));
    Ok(Gateway::new(providers.of(name).clone(), Account { api_key, base_url }, secrets))
}

/// What is found behind a webhook's address.
pub(crate) struct Address {
    pub org: OrgId,
    pub row: Model,
}

/// Whose address it is; `None` for a connection that is not there or switched off.
pub(crate) async fn at_address(to: &Store, id: ConnectionId) -> Result<Option<Address>, StoreError> {
    let mut system = to.system_read("whose webhook address this is").await?;
    let found = rows::anywhere(&mut system, id).await?;
    Ok(found.map(|row| Address { org: row.org_id.into(), row }))
}
