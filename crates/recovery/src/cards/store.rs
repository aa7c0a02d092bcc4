//! Queries.

use ::store::{StoreError, Tx};
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

pub(super) async fn since(tx: &mut Tx, card: &str, since: At) -> Result<Vec<At>, StoreError> {
    let rows = tx.find::<Entity>().filter(Column::CardKey.eq(card)).filter(Column::UsedAt.gt(since));
    let rows = rows.newest(Column::UsedAt).limit(ROWS_MAX).all().await?;
    Ok(rows.into_iter().map(|row| row.used_at).collect())
}
