//! Queries about timelines; nobody else asks the table.

use kernel::{After, CustomerId, Limit, Page};
use sea_orm::ColumnTrait as _;
use store::{StoreError, Tx};

use super::entry::{Column, Entity, Model};

pub(super) async fn page(tx: &Tx, customer: CustomerId, limit: Limit, after: Option<After>) -> Result<Page<Model>, StoreError> {
    tx.find::<Entity>()
        .filter(Column::CustomerId.eq(customer.uuid()))
        .page(limit, after.as_ref(), Column::HappenedAt, |row| After { at: row.happened_at, id: row.id })
        .await
}
