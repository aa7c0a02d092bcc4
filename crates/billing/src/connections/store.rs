//! Queries.

use kernel::{After, ConnectionId, Limit, Page};
use sea_orm::ColumnTrait as _;
use store::{StoreError, System, Tx};

use super::connection::{Column, Entity, Model};

/// Connections that are ever compared at once: an organization has a handful.
const CONNECTIONS_MAX: u64 = 100;

pub(super) async fn by_id(tx: &mut Tx, id: ConnectionId) -> Result<Option<Model>, StoreError> {
    tx.find_by_id::<Entity>(id.uuid()).filter(Column::RemovedAt.is_null()).one().await
}

pub(super) async fn page(tx: &mut Tx, limit: Limit, after: Option<&After>) -> Result<Page<Model>, StoreError> {
    let all = tx.find::<Entity>().filter(Column::RemovedAt.is_null());
    all.page(limit, after, Column::CreatedAt, |row| After { at: row.created_at, id: row.id }).await
}

/// The active connections of a gateway, two at most: whoever asks wants the only one.
pub async fn only_one_of(tx: &mut Tx, gateway: &str) -> Result<Vec<Model>, StoreError> {
    let of = tx.find::<Entity>().filter(Column::Provider.eq(gateway)).filter(Column::IsActive.eq(true));
    of.filter(Column::RemovedAt.is_null()).limit(2).all().await
}

/// The connection behind a webhook's address, whose organization is not known yet.
pub(super) async fn anywhere(system: &mut System, id: ConnectionId) -> Result<Option<Model>, StoreError> {
    let active = system.find_by_id::<Entity>(id.uuid()).filter(Column::IsActive.eq(true));
    active.filter(Column::RemovedAt.is_null()).one().await
}

/// The active connections that use a key: what the sandbox calls an account.
pub(crate) async fn of_account(system: &mut System, key_hash: &str) -> Result<Vec<Model>, StoreError> {
    let active = system.find::<Entity>().filter(Column::ApiKeyHash.eq(key_hash)).filter(Column::IsActive.eq(true));
    active.filter(Column::RemovedAt.is_null()).limit(CONNECTIONS_MAX).all().await
}
