//! Queries.

use sea_orm::ColumnTrait as _;
use store::{StoreError, Tx};
use uuid::Uuid;

use super::method::{ActiveModel, Column, Entity, Model};

pub(super) async fn by_id(tx: &mut Tx, id: Uuid) -> Result<Option<Model>, StoreError> {
    tx.find_by_id::<Entity>(id).one().await
}

pub(super) async fn by_token(tx: &mut Tx, source: &str, token: &str) -> Result<Option<Model>, StoreError> {
    tx.find::<Entity>().filter(Column::Source.eq(source)).filter(Column::Token.eq(token)).one().await
}

/// The row as it went in; `None` when the token was known.
pub(super) async fn insert_unless_known(tx: &mut Tx, row: ActiveModel) -> Result<Option<Model>, StoreError> {
    tx.insert_new(row, &[Column::OrgId, Column::Source, Column::Token]).await
}
