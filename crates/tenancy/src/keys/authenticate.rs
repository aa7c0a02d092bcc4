//! Who presents a key.

use std::collections::BTreeSet;
use std::sync::Arc;

use ::store::{StoreError, Tx};
use chrono::Duration;
use host::Core;
use kernel::{AccountId, Actor, ApiKeyId, OrgId};

use super::key::codes;
use super::presented::Presented;
use super::store::{self, Found};
use crate::roles::rights_of;

/// `last_used_at` tells the minute: a busy key costs one write a minute, not one a request.
const LAST_USED_EVERY: Duration = Duration::minutes(1);

/// A machine that presented a live key.
#[derive(Debug, Clone)]
pub struct KeyCaller {
    pub key: ApiKeyId,
    pub org: OrgId,
    pub org_name: String,
    /// The key's name.
    pub name: String,
    /// What it may do now: its scopes, as far as its maker still holds them.
    pub scopes: Arc<BTreeSet<String>>,
    /// The person who made it and answers for it.
    pub maker: AccountId,
}

/// Whether a text has the form of a key. What has not is nobody's, without a look into any table.
pub fn is_well_formed(presented: &str) -> bool {
    Presented::read(presented).is_some()
}

/// Who presents this key; `None` when it is not one, or is revoked or expired, or its maker is no
/// active member any more. Read anew each time, so that a revocation holds at once everywhere.
pub async fn authenticate(core: &Core, presented: &str) -> Result<Option<KeyCaller>, StoreError> {
    let Some(presented) = Presented::read(presented) else { return Ok(None) };
    let mut system = core.store.system_read("whose API key was presented").await?;
    let found = store::by_hash(&mut system, &presented.hash()).await?;
    drop(system);
    let now = core.clock.now_secure();
    let Some(found) = found.filter(|found| found.expires_at.is_none_or(|at| at > now)) else { return Ok(None) };
    note_use(core, &found).await;
    let makers = rights_of(&found.maker_role, &core.registry);
    let scopes = codes(&found.scopes).into_iter().filter(|code| makers.contains(code)).collect();
    Ok(Some(KeyCaller {
        key: found.id.into(),
        org: found.org(),
        org_name: found.org_name,
        name: found.name,
        scopes: Arc::new(scopes),
        maker: found.maker.into(),
    }))
}

/// Writes the use down; the request goes on when that fails, because the key is no less valid.
async fn note_use(core: &Core, found: &Found) {
    let before = core.clock.now() - LAST_USED_EVERY;
    if found.last_used_at.is_some_and(|at| at > before) {
        return;
    }
    if let Err(error) = write_use(core, found, before).await {
        let key_id = ApiKeyId::from(found.id);
        tracing::warn!(event = "tenancy.key_use_not_noted", %key_id, %error, "the last use of a key was not noted");
    }
}

async fn write_use(core: &Core, found: &Found, before: kernel::At) -> Result<(), StoreError> {
    let key = ApiKeyId::from(found.id);
    let mut tx = Tx::for_org(&core.store, found.org(), Actor::ApiKey(key)).await?;
    store::touch(&mut tx, key, before).await?;
    tx.commit().await
}
