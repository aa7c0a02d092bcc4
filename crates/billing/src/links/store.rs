//! Queries.

use kernel::{LinkId, TransactionId};
use sea_orm::ColumnTrait as _;
use store::{StoreError, System, Tx};

use super::link::{Column, Entity, LinkState, Model};

/// Links of one obligation that can be open at once: each message makes one, and messages have a cap.
const OPEN_MAX: u64 = 100;

/// The link of a token, whose organization is not known yet.
pub(super) async fn by_hash(system: &mut System, hash: &str) -> Result<Option<Model>, StoreError> {
    system.find::<Entity>().filter(Column::TokenHash.eq(hash)).one().await
}

pub(super) async fn by_id(tx: &mut Tx, id: LinkId) -> Result<Option<Model>, StoreError> {
    tx.find_by_id::<Entity>(id.uuid()).one().await
}

pub(super) async fn hold(tx: &mut Tx, id: LinkId) -> Result<Option<Model>, StoreError> {
    tx.find_by_id::<Entity>(id.uuid()).for_update().one().await
}

pub(super) async fn hold_by_session(tx: &mut Tx, session: &str) -> Result<Option<Model>, StoreError> {
    tx.find::<Entity>().filter(Column::PspSessionId.eq(session)).for_update().one().await
}

/// The links of an obligation whose page is open, or whose payment is under way, held.
pub(super) async fn taken(tx: &mut Tx, transaction: TransactionId) -> Result<Vec<Model>, StoreError> {
    let taken = LinkState::ALL.into_iter().filter(|state| state.is_taken()).map(LinkState::name);
    let of = tx.find::<Entity>().filter(Column::TransactionId.eq(transaction.uuid())).filter(Column::State.is_in(taken));
    of.limit(OPEN_MAX).for_update().all().await
}

/// The links of an obligation that a payer could still use, held.
pub(super) async fn hold_open(tx: &mut Tx, transaction: TransactionId) -> Result<Vec<Model>, StoreError> {
    let open = LinkState::ALL.into_iter().filter(|state| state.is_open()).map(LinkState::name);
    let of = tx.find::<Entity>().filter(Column::TransactionId.eq(transaction.uuid())).filter(Column::State.is_in(open));
    of.limit(OPEN_MAX).for_update().all().await
}
