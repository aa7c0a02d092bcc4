//! Queries.

use std::collections::HashMap;

use kernel::{AccountId, After, ApiKeyId, At, Limit, OrgId, Page};
use sea_orm::{ColumnTrait as _, FromQueryResult};
use store::{StoreError, System, SystemSql, TenantSql, Tx};
use uuid::Uuid;

use super::key::{Column, Entity, Model};

pub(super) async fn hold(tx: &mut Tx, id: ApiKeyId) -> Result<Option<Model>, StoreError> {
    tx.find_by_id::<Entity>(id.uuid()).for_update().one().await
}

/// The keys that a person made and that are not revoked.
pub(super) async fn live_of(tx: &mut Tx, account: AccountId) -> Result<Vec<Model>, StoreError> {
    tx.find::<Entity>().filter(Column::CreatedBy.eq(account.uuid())).filter(Column::RevokedAt.is_null()).all().await
}

pub(super) async fn list(tx: &mut Tx, limit: Limit, after: Option<After>) -> Result<Page<Model>, StoreError> {
    let place = |row: &Model| After { at: row.created_at, id: row.id };
    tx.find::<Entity>().page(limit, after.as_ref(), Column::CreatedAt, place).await
}

/// Names by id, for lines that tell who did something.
pub(super) async fn names(tx: &mut Tx, keys: Vec<Uuid>) -> Result<HashMap<Uuid, String>, StoreError> {
    let rows = tx.find::<Entity>().filter(Column::Id.is_in(keys)).all().await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}

/// A live key, its organization and its maker's role.
#[derive(FromQueryResult)]
pub(super) struct Found {
    pub id: Uuid,
    pub org_id: Uuid,
    pub org_name: String,
    pub name: String,
    pub scopes: sea_orm::JsonValue,
    pub maker: Uuid,
    pub maker_role: String,
    pub expires_at: Option<At>,
    pub last_used_at: Option<At>,
}

// A key lives as long as its maker's membership does: whoever is shut out leaves no door behind.
const BY_HASH: SystemSql = SystemSql::both(
    "select k.id as id, k.org_id as org_id, o.name as org_name, k.name as name, k.scopes as scopes, k.created_by as maker, \
     m.role as maker_role, k.expires_at as expires_at, k.last_used_at as last_used_at \
     from api_keys k join organizations o on o.id = k.org_id \
     join memberships m on m.org_id = k.org_id and m.account_id = k.created_by \
     where k.key_hash = $1 and k.revoked_at is null and o.is_active and m.is_active",
);

pub(super) async fn by_hash(system: &mut System, key_hash: &str) -> Result<Option<Found>, StoreError> {
    system.sql_one(BY_HASH.bind(key_hash)).await
}

/// A key that opens a door, as an operator sees it.
#[derive(Debug, Clone, FromQueryResult)]
pub struct AliveKey {
    pub org_name: String,
    pub name: String,
    /// The beginning of the key, to tell it from others.
    pub prefix: String,
    pub created_at: At,
}

const ALIVE: SystemSql = SystemSql::both(
    "select o.name as org_name, k.name as name, k.prefix as prefix, k.created_at as created_at \
     from api_keys k join organizations o on o.id = k.org_id \
     where k.revoked_at is null and (k.expires_at is null or k.expires_at > $1) order by o.name, k.created_at, k.id",
);

pub(super) async fn alive(system: &mut System, now: At) -> Result<Vec<AliveKey>, StoreError> {
    system.sql_all(ALIVE.bind(now)).await
}

const TOUCH: TenantSql =
    TenantSql::both("update api_keys set last_used_at = $3 where org_id = $1 and id = $2 and (last_used_at is null or last_used_at <= $4)");

/// Notes a use, unless one was noted since `before`. The version stays: nobody changed the key.
pub(super) async fn touch(tx: &mut Tx, id: ApiKeyId, before: At) -> Result<(), StoreError> {
    let now = tx.now();
    tx.sql(TOUCH.bind(id.uuid()).bind(now).bind(before)).await.map(drop)
}

impl Found {
    pub fn org(&self) -> OrgId {
        self.org_id.into()
    }
}
