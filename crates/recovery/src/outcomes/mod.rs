//! Outcomes: how a case ended, what came back, and what brought it.
//!
//! The mechanism is exactly one, named by the event that brought the money. A refund marks an
//! outcome as reversed and never removes it: what was recovered and given back is both true.

mod outcome;

use ::store::{StoreError, Tx};
use kernel::{At, AttemptId, CaseId, Failure, LinkId, Money};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait as _, IntoActiveModel as _};
use uuid::Uuid;

use outcome::{ActiveModel, Column, Entity};
pub use outcome::{Mechanism, Model};

use crate::cases::{CaseState, Model as Case};

::store::org_scoped!(outcome);

/// What brought the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Credit {
    pub mechanism: Mechanism,
    pub attempt: Option<AttemptId>,
    pub link: Option<LinkId>,
}

/// Writes down how the case ended. A second payment on the same case adds to the first; the
/// mechanism stays that of the first, so that money is credited once.
pub(crate) async fn record(tx: &mut Tx, case: &Case, kind: CaseState, amount: Money, credit: Option<Credit>) -> Result<(), Failure> {
    let after_s = (tx.now() - case.failed_at).num_seconds().max(0);
    if let Some(known) = of_case(tx, case.case_id()).await? {
        let was_nothing = known.amount_minor == 0;
        let sum = known.amount_minor.saturating_add(amount.minor);
        let mut row = known.into_active_model();
        row.kind = Set(kind.word().to_owned());
        row.failed_at = Set(Some(case.failed_at));
        row.amount_minor = Set(sum);
        if was_nothing {
            row.at = Set(tx.now());
            row.after_s = Set(after_s);
            credit_to(&mut row, credit);
        }
        tx.update(row).await?;
        return Ok(());
    }
    let mut row = ActiveModel {
        case_id: Set(case.id),
        kind: Set(kind.word().to_owned()),
        amount_minor: Set(amount.minor),
        currency: Set(amount.currency.code().to_owned()),
        at: Set(tx.now()),
        failed_at: Set(Some(case.failed_at)),
        after_s: Set(after_s),
        policy_version: Set(case.policy_version.clone()),
        reversed_minor: Set(0),
        reversed_at: Set(None),
        ..Default::default()
    };
    credit_to(&mut row, credit);
    tx.insert_quiet(row).await?;
    Ok(())
}

fn credit_to(row: &mut ActiveModel, credit: Option<Credit>) {
    row.mechanism = Set(credit.map(|credit| credit.mechanism.word().to_owned()));
    row.attempt_id = Set(credit.and_then(|credit| credit.attempt).map(AttemptId::uuid));
    row.link_id = Set(credit.and_then(|credit| credit.link).map(LinkId::uuid));
}

/// The first failure was earlier than was known.
pub(crate) async fn began_earlier(tx: &mut Tx, case: &Case, failed_at: At) -> Result<(), Failure> {
    let Some(known) = of_case(tx, case.case_id()).await? else { return Ok(()) };
    let after_s = known.after_s.saturating_add((case.failed_at - failed_at).num_seconds());
    let mut row = known.into_active_model();
    row.failed_at = Set(Some(failed_at));
    row.after_s = Set(after_s);
    tx.update(row).await?;
    Ok(())
}

/// Notes that so much of it went back; how much has gone back in all.
pub(crate) async fn reverse(tx: &mut Tx, case: CaseId, kind: CaseState, amount: Money) -> Result<i64, Failure> {
    let Some(known) = of_case(tx, case).await? else { return Ok(0) };
    let reversed = known.reversed_minor.saturating_add(amount.minor).min(known.amount_minor);
    let mut row = known.into_active_model();
    row.kind = Set(kind.word().to_owned());
    row.reversed_minor = Set(reversed);
    row.reversed_at = Set(Some(tx.now()));
    tx.update(row).await?;
    Ok(reversed)
}

pub(crate) async fn of_case(tx: &mut Tx, case: CaseId) -> Result<Option<Model>, StoreError> {
    tx.find::<Entity>().filter(Column::CaseId.eq(case.uuid())).one().await
}

pub(crate) async fn of_cases(tx: &mut Tx, cases: Vec<Uuid>) -> Result<Vec<Model>, StoreError> {
    tx.find::<Entity>().filter(Column::CaseId.is_in(cases)).all().await
}
