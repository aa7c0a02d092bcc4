//! Queries.

use std::collections::HashSet;

use ::store::{Find, StoreError, Tx};
use billing::event::{Attention, AttentionNeeded};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Order;
use sea_orm::{ColumnTrait as _, IntoActiveModel as _};
use uuid::Uuid;

use super::alert::{ActiveModel, Column, Entity, Model};

/// Alerts of a page of cases that are ever read at once: almost all cases have none.
const ROWS_MAX: u64 = 1000;

/// The alerts of several cases, oldest first.
pub(crate) async fn of_cases(tx: &mut Tx, cases: Vec<Uuid>) -> Result<Vec<Model>, StoreError> {
    tx.find::<Entity>().filter(Column::CaseId.is_in(cases)).order_by(Column::RaisedAt, Order::Asc).limit(ROWS_MAX).all().await
}

/// Which of the cases a person has to look at.
pub(crate) async fn open_of_cases(tx: &mut Tx, cases: Vec<Uuid>) -> Result<HashSet<Uuid>, StoreError> {
    let open = tx.find::<Entity>().filter(Column::CaseId.is_in(cases)).filter(Column::EndedAt.is_null()).limit(ROWS_MAX).all().await?;
    Ok(open.into_iter().map(|row| row.case_id).collect())
}

/// Whether money that nobody has looked at stops the case.
pub(crate) async fn stops(tx: &mut Tx, case: Uuid) -> Result<bool, StoreError> {
    stopping(tx, case).exists().await
}

/// A person has looked at what stops the case.
pub(crate) async fn looked_at(tx: &mut Tx, case: Uuid) -> Result<(), StoreError> {
    for alert in stopping(tx, case).limit(ROWS_MAX).all().await? {
        over(tx, alert).await?;
    }
    Ok(())
}

fn stopping(tx: &Tx, case: Uuid) -> Find<'_, Entity> {
    let of = tx.find::<Entity>().filter(Column::CaseId.eq(case)).filter(Column::Kind.eq(super::STOPS.name()));
    of.filter(Column::EndedAt.is_null())
}

/// `false` when it stands already.
pub(super) async fn raise(tx: &mut Tx, case: Uuid, event: &AttentionNeeded) -> Result<bool, StoreError> {
    if let Some(known) = find(tx, case, event.kind, &event.about).await? {
        if known.ended_at.is_none() {
            return Ok(false);
        }
        let now = tx.now();
        let mut row = known.into_active_model();
        row.text = Set(event.text.clone());
        row.raised_at = Set(now);
        row.ended_at = Set(None);
        tx.update(row).await?;
        return Ok(true);
    }
    let row = ActiveModel {
        case_id: Set(case),
        kind: Set(event.kind.name().to_owned()),
        about: Set(event.about.clone()),
        text: Set(event.text.clone()),
        raised_at: Set(tx.now()),
        ended_at: Set(None),
        ..Default::default()
    };
    tx.insert_quiet(row).await?;
    Ok(true)
}

pub(super) async fn end(tx: &mut Tx, case: Uuid, kind: Attention, about: &str) -> Result<(), StoreError> {
    let Some(known) = find(tx, case, kind, about).await?.filter(|known| known.ended_at.is_none()) else { return Ok(()) };
    over(tx, known).await
}

async fn over(tx: &mut Tx, alert: Model) -> Result<(), StoreError> {
    let now = tx.now();
    let mut row = alert.into_active_model();
    row.ended_at = Set(Some(now));
    tx.update(row).await.map(drop)
}

async fn find(tx: &mut Tx, case: Uuid, kind: Attention, about: &str) -> Result<Option<Model>, StoreError> {
    let of = tx.find::<Entity>().filter(Column::CaseId.eq(case)).filter(Column::Kind.eq(kind.name()));
    of.filter(Column::About.eq(about)).for_update().one().await
}
