//! Queries.

use ::store::{StoreError, Tx};
use kernel::{After, CaseId, CustomerId, Limit, Page, PaymentMethodId, TransactionId};
use sea_orm::sea_query::Order;
use sea_orm::{ColumnTrait as _, Condition};

use super::CaseState;
use super::case::{Column, Entity, Model};
use crate::classify::Hardness;
use crate::policy::Hold;

/// Cases that are looked at again at once; one method rarely has more that wait.
const WAITING_MAX: u64 = 1000;
/// Cases that durable work takes up in one transaction: over before anybody waits long for it.
const BATCH: u64 = 100;
/// One obligation of one provider has one case; the same reference at several providers is rare.
const SAME_REFERENCE_MAX: u64 = 10;

pub(super) async fn find(tx: &mut Tx, id: CaseId) -> Result<Option<Model>, StoreError> {
    tx.find_by_id::<Entity>(id.uuid()).one().await
}

pub(super) async fn locked(tx: &mut Tx, id: CaseId) -> Result<Option<Model>, StoreError> {
    tx.find_by_id::<Entity>(id.uuid()).for_update().one().await
}

pub(super) async fn of_transaction(tx: &mut Tx, transaction: TransactionId) -> Result<Option<Model>, StoreError> {
    tx.find::<Entity>().filter(Column::TransactionId.eq(transaction.uuid())).for_update().one().await
}

pub(super) async fn read_of_transaction(tx: &mut Tx, transaction: TransactionId) -> Result<Option<Model>, StoreError> {
    tx.find::<Entity>().filter(Column::TransactionId.eq(transaction.uuid())).one().await
}

pub(super) async fn by_reference(tx: &mut Tx, reference: &str) -> Result<Option<Model>, StoreError> {
    let found =
        tx.find::<Entity>().filter(Column::Reference.eq(reference)).newest(Column::CreatedAt).limit(SAME_REFERENCE_MAX).all().await?;
    // An open case is what somebody asks for; else the newest.
    let open = found.iter().position(|case| case.state().is_open()).unwrap_or(0);
    Ok(found.into_iter().nth(open))
}

pub(super) async fn list(tx: &mut Tx, state: Option<CaseState>, limit: Limit, after: Option<After>) -> Result<Page<Model>, StoreError> {
    let mut find = tx.find::<Entity>();
    if let Some(state) = state {
        find = find.filter(Column::State.eq(state.word()));
    }
    find.page(limit, after.as_ref(), Column::CreatedAt, place).await
}

/// The open cases whose last decline asks for new data of this method.
pub(super) async fn waiting_for_method(tx: &mut Tx, method: PaymentMethodId) -> Result<Vec<Model>, StoreError> {
    let of = tx.find::<Entity>().filter(Column::MethodId.eq(method.uuid())).filter(Column::Hardness.eq(Hardness::NeedsData.word()));
    of.filter(Column::ClosedAt.is_null()).limit(WAITING_MAX).for_update().all().await
}

/// Open cases behind the given one that may wait for a connection: for want of one, or because it did not
/// work when it was called.
pub(super) async fn waiting_for_connection(tx: &mut Tx, after: Option<CaseId>) -> Result<Vec<CaseId>, StoreError> {
    let waits = Condition::any()
        .add(Column::HoldKind.eq(Hold::NoConnection.word()))
        .add(Column::PauseUntil.gt(tx.now()))
        .add(Column::State.eq(CaseState::SyncPending.word()));
    let mut find = tx.find::<Entity>().filter(Column::ClosedAt.is_null()).filter(waits);
    if let Some(after) = after {
        find = find.filter(Column::Id.gt(after.uuid()));
    }
    let rows = find.order_by(Column::Id, Order::Asc).limit(BATCH).all().await?;
    Ok(rows.iter().map(Model::case_id).collect())
}

pub(super) async fn of_customer(tx: &mut Tx, customer: CustomerId, rows: u64) -> Result<Vec<Model>, StoreError> {
    tx.find::<Entity>().filter(Column::CustomerId.eq(customer.uuid())).newest(Column::CreatedAt).limit(rows).all().await
}

fn place(row: &Model) -> After {
    After { at: row.created_at, id: row.id }
}
