//! Queries.

use kernel::{Failure, General};
use store::{StoreError, Tx};

use super::organization::{Column, Entity, Model};

/// The organization of this transaction; a pinned one that has no row is nobody's.
pub(super) async fn current(tx: &mut Tx) -> Result<Model, Failure> {
    let id = tx.org().uuid();
    tx.find_by_id::<Entity>(id).one().await?.ok_or_else(|| General::NotFound.into())
}

/// The same row, held until the transaction ends: whoever counts admins takes it first, so that
/// two who demote each other do so one after the other.
pub(super) async fn hold(tx: &mut Tx) -> Result<Model, Failure> {
    let id = tx.org().uuid();
    tx.find_by_id::<Entity>(id).for_update().one().await?.ok_or_else(|| General::NotFound.into())
}

/// Whether the row went in; `false` when another organization has the slug.
pub(super) async fn insert_unless_taken(tx: &mut Tx, row: super::organization::ActiveModel) -> Result<bool, StoreError> {
    tx.insert_or_ignore(row, &[Column::SlugNormal]).await
}
