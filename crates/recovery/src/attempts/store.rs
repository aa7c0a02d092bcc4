//! Queries.

use ::store::{StoreError, Tx};
use kernel::{AttemptId, CaseId};
use sea_orm::ColumnTrait as _;
use sea_orm::sea_query::Order;
use uuid::Uuid;

use super::AttemptState;
use super::attempt::{Column, Entity, Model};

/// A ladder has at most eight attempts and each may be re-planned; far more than any case has.
const ROWS_MAX: u64 = 500;

/// The attempts of a case, oldest first.
pub(crate) async fn of_case(tx: &mut Tx, case: CaseId) -> Result<Vec<Model>, StoreError> {
    of_cases(tx, vec![case.uuid()]).await
}

/// The attempts of several cases, oldest first.
pub(crate) async fn of_cases(tx: &mut Tx, cases: Vec<Uuid>) -> Result<Vec<Model>, StoreError> {
    let rows = tx.find::<Entity>().filter(Column::CaseId.is_in(cases)).order_by(Column::Number, Order::Asc);
    rows.limit(ROWS_MAX * 10).all().await
}

/// The attempt that holds the case's slot.
pub(crate) async fn open_of_case(tx: &mut Tx, case: CaseId) -> Result<Option<Model>, StoreError> {
    let open = AttemptState::OPEN.map(AttemptState::word);
    tx.find::<Entity>().filter(Column::CaseId.eq(case.uuid())).filter(Column::State.is_in(open)).for_update().one().await
}

pub(crate) async fn by_id(tx: &mut Tx, id: AttemptId) -> Result<Option<Model>, StoreError> {
    tx.find_by_id::<Entity>(id.uuid()).for_update().one().await
}

pub(super) async fn planned(tx: &mut Tx, case: CaseId) -> Result<Option<Model>, StoreError> {
    let planned = AttemptState::Planned.word();
    tx.find::<Entity>().filter(Column::CaseId.eq(case.uuid())).filter(Column::State.eq(planned)).one().await
}

pub(super) async fn last_number(tx: &mut Tx, case: CaseId) -> Result<i32, StoreError> {
    let last = tx.find::<Entity>().filter(Column::CaseId.eq(case.uuid())).order_by(Column::Number, Order::Desc).limit(1).one().await?;
    Ok(last.map_or(0, |row| row.number))
}
