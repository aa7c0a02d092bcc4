//! The verbs.

use std::collections::{BTreeSet, HashMap};

use ::store::{AuditLine, StoreError, Tx};
use host::{Core, Registry};
use kernel::{AccountId, After, ApiKeyId, At, Check, Failed, Failure, Limit, Page, Secret};
use sea_orm::{ActiveValue::Set, IntoActiveModel as _};
use serde_json::json;
use uuid::Uuid;

use super::event::{ApiKeyCreated, ApiKeyRevoked};
use super::key::{ActiveModel, Model, NewApiKey};
use super::presented::Presented;
use super::scopes::grantable;
use super::store::AliveKey;
use super::{ApiKeyFault, store};

/// A line in a list.
const NAME_LEN_MAX: usize = 100;

/// The person who makes a key, with the permissions that they may pass on.
pub struct Maker<'a> {
    pub account: AccountId,
    pub rights: &'a BTreeSet<String>,
}

/// Makes a key. The secret is in the answer and nowhere else.
///
/// 422 for an unknown scope or an expiry in the past, 403 `api_key_scope_not_yours`.
pub async fn create(tx: &mut Tx, registry: &Registry, maker: Maker<'_>, new: NewApiKey) -> Result<(Model, Secret), Failed<ApiKeyFault>> {
    check(&new, tx.now())?;
    let registered = registry.all_permissions().iter().map(|permission| permission.code).collect();
    let scopes = grantable(&new.scopes, &registered, maker.rights)?;
    let presented = Presented::fresh();
    let row = ActiveModel {
        id: Set(ApiKeyId::new(tx.now()).uuid()),
        name: Set(new.name.trim().to_owned()),
        prefix: Set(presented.prefix().to_owned()),
        key_hash: Set(presented.hash()),
        scopes: Set(json!(scopes)),
        created_by: Set(maker.account.uuid()),
        expires_at: Set(new.expires_at.map(kernel::clock::to_micros)),
        ..Default::default()
    };
    let key = tx.insert(row).await?;
    let after = json!({ "name": key.name, "prefix": key.prefix, "scopes": key.scopes, "expires_at": key.expires_at });
    tx.audit(AuditLine::new("api_key.created", "api_key", key.id).after(after)).await?;
    tx.emit(&ApiKeyCreated { key: key.id.into(), by: maker.account }).await?;
    Ok((key, presented.into_secret()))
}

fn check(new: &NewApiKey, now: At) -> Result<(), Failure> {
    let mut check = Check::new();
    check.text("name", &new.name, 1..=NAME_LEN_MAX);
    check.that(new.expires_at.is_none_or(|at| at > now), "expires_at", "must lie in the future");
    check.done()
}

/// A page of keys, newest first; revoked ones stay listed.
pub async fn list(tx: &mut Tx, limit: Limit, after: Option<After>) -> Result<Page<Model>, StoreError> {
    store::list(tx, limit, after).await
}

/// Every key of every organization that is neither revoked nor expired: for an operator who restored a
/// backup, which brings back those that were revoked since.
pub async fn alive(core: &Core) -> Result<Vec<AliveKey>, StoreError> {
    let mut system = core.store.system_read("an operator looks which keys hold").await?;
    store::alive(&mut system, core.clock.now_secure()).await
}

/// Names by id.
pub(crate) async fn names(tx: &mut Tx, keys: Vec<Uuid>) -> Result<HashMap<Uuid, String>, StoreError> {
    store::names(tx, keys).await
}

/// Revokes a key, at once and for ever; a second time changes nothing.
///
/// 404 `api_key_not_found`.
pub async fn revoke(tx: &mut Tx, id: ApiKeyId) -> Result<Model, Failed<ApiKeyFault>> {
    let key = store::hold(tx, id).await?.ok_or(ApiKeyFault::NotFound)?;
    if key.revoked_at.is_some() { Ok(key) } else { Ok(end(tx, key).await?) }
}

/// Revokes all that a person made, when that person is removed: a key must not come back to life
/// when the same person is invited again.
pub(super) async fn revoke_all_of(tx: &mut Tx, account: AccountId) -> Result<(), Failure> {
    for key in store::live_of(tx, account).await? {
        end(tx, key).await?;
    }
    Ok(())
}

async fn end(tx: &mut Tx, key: Model) -> Result<Model, Failure> {
    let mut row = key.into_active_model();
    row.revoked_at = Set(Some(tx.now()));
    let key = tx.update(row).await?;
    tx.audit(AuditLine::new("api_key.revoked", "api_key", key.id).before(json!({ "name": key.name, "prefix": key.prefix }))).await?;
    tx.emit(&ApiKeyRevoked { key: key.id.into() }).await?;
    Ok(key)
}
