//! Queries.

use ::store::{StoreError, TenantSql, Tx};
use kernel::At;
use sea_orm::ColumnTrait as _;

use super::use_of_card::{ActiveModel, Column, Entity};

/// The networks' largest limit is 35 in 30 days; more rows than this cannot change a decision.
const ROWS_MAX: u64 = 200;

pub(super) async fn insert_once(tx: &mut Tx, row: ActiveModel) -> Result<(), StoreError> {
    tx.insert_or_ignore(row, &[Column::OrgId, Column::SourceKey]).await.map(drop)
}

pub(super) async fn delete(tx: &mut Tx, source_key: &str) -> Result<(), StoreError> {
    tx.delete_where::<Entity>(Column::SourceKey.eq(source_key)).await.map(drop)
}

/// One lock for each card of an organization, held to the end of the transaction. Locking the rows
/// themselves would deadlock with whoever adds one in between. An embedded database has one writer
/// and needs none. It shows no row to anybody.
const LOCK: TenantSql = TenantSql::per_engine(
    "select $1, $2 where 1 = 0",
    "select $1, held.lock from (select pg_advisory_xact_lock(hashtextextended($1::text || $2, 0))::text as lock offset 0) held \
     where held.lock is null",
);

/// Holds what is counted under this name: a card, or an address that is written to.
pub(crate) async fn lock(tx: &mut Tx, name: &str) -> Result<(), StoreError> {
    tx.sql(LOCK.bind(name)).await.map(drop)
}

pub(super) async fn since(tx: &mut Tx, card: &str, since: At) -> Result<Vec<At>, StoreError> {
    let rows = tx.find::<Entity>().filter(Column::CardKey.eq(card)).filter(Column::UsedAt.gt(since));
    let rows = rows.newest(Column::UsedAt).limit(ROWS_MAX).all().await?;
    Ok(rows.into_iter().map(|row| row.used_at).collect())
}
