//! Queries.

use ::store::{StoreError, Tx};
use kernel::{At, CaseId};
use sea_orm::ColumnTrait as _;
use sea_orm::sea_query::Order;
use uuid::Uuid;

use super::MessageState;
use super::message::{Column, Entity, Model};

/// A ladder has at most three messages and each may be re-planned; far more than any page of cases has.
const ROWS_MAX: u64 = 5000;

/// The messages of several cases, oldest first.
pub(crate) async fn of_cases(tx: &mut Tx, cases: Vec<Uuid>) -> Result<Vec<Model>, StoreError> {
    tx.find::<Entity>().filter(Column::CaseId.is_in(cases)).order_by(Column::Number, Order::Asc).limit(ROWS_MAX).all().await
}

/// When the payer was written to. A letter that was taken back unsent is none.
pub(crate) async fn written_at(tx: &mut Tx, case: CaseId) -> Result<Vec<At>, StoreError> {
    let rows = of_cases(tx, vec![case.uuid()]).await?;
    Ok(rows.into_iter().filter(|row| row.state() != MessageState::Skipped).filter_map(|row| row.queued_at).collect())
}

pub(super) async fn planned(tx: &mut Tx, case: CaseId) -> Result<Option<Model>, StoreError> {
    let planned = MessageState::Planned.word();
    tx.find::<Entity>().filter(Column::CaseId.eq(case.uuid())).filter(Column::State.eq(planned)).one().await
}

/// The messages of a case that were handed to the mail room.
pub(super) async fn queued(tx: &mut Tx, case: CaseId) -> Result<Vec<Model>, StoreError> {
    let queued = MessageState::Queued.word();
    tx.find::<Entity>().filter(Column::CaseId.eq(case.uuid())).filter(Column::State.eq(queued)).limit(ROWS_MAX).all().await
}

/// When letters went to this address since then, newest first. One that was taken back unsent is none.
pub(super) async fn written_to(tx: &mut Tx, recipient: &str, since: At, rows: usize) -> Result<Vec<At>, StoreError> {
    let skipped = MessageState::Skipped.word();
    let found = tx.find::<Entity>().filter(Column::Recipient.eq(recipient)).filter(Column::QueuedAt.gt(since));
    let found = found.filter(Column::State.ne(skipped)).newest(Column::QueuedAt).limit(rows as u64).all().await?;
    Ok(found.into_iter().filter_map(|row| row.queued_at).collect())
}

pub(super) async fn last_number(tx: &mut Tx, case: CaseId) -> Result<i32, StoreError> {
    let last = tx.find::<Entity>().filter(Column::CaseId.eq(case.uuid())).order_by(Column::Number, Order::Desc).limit(1).one().await?;
    Ok(last.map_or(0, |row| row.number))
}
