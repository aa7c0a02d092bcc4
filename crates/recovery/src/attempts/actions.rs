//! The verbs.

use ::store::Tx;
use kernel::{At, AttemptId, CaseId, Failure, Money};
use sea_orm::ActiveValue::Set;
use sea_orm::IntoActiveModel as _;

use super::attempt::{ActiveModel, Model};
use super::{AttemptKind, AttemptState, store};
use crate::cases;

/// What is due, and what of it was paid, when an attempt is planned or sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Amounts {
    pub due: Money,
    pub paid_minor: i64,
}

impl Amounts {
    /// What an attempt may ask for: all that is still owed, and never more.
    pub const fn open(&self) -> Money {
        Money::new(self.due.minor - self.paid_minor, self.due.currency)
    }

    fn write(&self, row: &mut ActiveModel) {
        row.amount_minor = Set(self.open().minor);
        row.paid_before_minor = Set(self.paid_minor);
        row.due_minor = Set(self.due.minor);
        row.currency = Set(self.due.currency.code().to_owned());
    }
}

/// Plans the next attempt of a case, or moves the one that is planned already.
pub(crate) async fn plan(tx: &mut Tx, case: CaseId, at: At, amounts: &Amounts, reason: &str) -> Result<Model, Failure> {
    if let Some(planned) = store::planned(tx, case).await? {
        if planned.planned_for == at && planned.reason == reason && planned.amount_minor == amounts.open().minor {
            return Ok(planned);
        }
        let mut row = planned.into_active_model();
        row.planned_for = Set(at);
        row.reason = Set(reason.to_owned());
        amounts.write(&mut row);
        return Ok(tx.update(row).await?);
    }
    let number = store::last_number(tx, case).await? + 1;
    Ok(tx.insert(new(tx.now(), case, number, at, amounts, reason)).await?)
}

/// Plans the first attempt of a case that was opened in this transaction.
pub(crate) async fn plan_first(tx: &mut Tx, case: CaseId, at: At, amounts: &Amounts, reason: &str) -> Result<(), Failure> {
    Ok(tx.insert_quiet(new(tx.now(), case, 1, at, amounts, reason)).await?)
}

fn new(now: At, case: CaseId, number: i32, at: At, amounts: &Amounts, reason: &str) -> ActiveModel {
    let id = AttemptId::new(now);
    let mut row = ActiveModel {
        id: Set(id.uuid()),
        case_id: Set(case.uuid()),
        number: Set(number),
        kind: Set(AttemptKind::Retry.word().to_owned()),
        state: Set(AttemptState::Planned.word().to_owned()),
        planned_for: Set(at),
        claimed_until: Set(None),
        idempotency_key: Set(format!("rc:{id}")),
        action: Set(None),
        submitted_at: Set(None),
        finished_at: Set(None),
        provider_ref: Set(None),
        decline: Set(None),
        reason: Set(reason.to_owned()),
        counts_to_network: Set(true),
        ..Default::default()
    };
    amounts.write(&mut row);
    row
}

/// Takes the planned attempt back, if there is one.
pub(crate) async fn cancel_planned(tx: &mut Tx, case: CaseId, why: &str) -> Result<(), Failure> {
    let Some(planned) = store::planned(tx, case).await? else { return Ok(()) };
    let why = why.to_owned();
    change(tx, planned, AttemptState::Cancelled, |row| row.reason = Set(why)).await.map(drop)
}

/// Takes one step, refusing the impossible, and sets what goes with it.
pub(crate) async fn change(tx: &mut Tx, attempt: Model, to: AttemptState, set: impl FnOnce(&mut ActiveModel)) -> Result<Model, Failure> {
    let to = attempt.state().step(to).map_err(Failure::internal)?;
    let now = tx.now();
    let mut row = attempt.into_active_model();
    row.state = Set(to.word().to_owned());
    if !matches!(to, AttemptState::Planned | AttemptState::Claimed | AttemptState::Submitted | AttemptState::Unknown) {
        row.finished_at = Set(Some(now));
    }
    set(&mut row);
    let row = tx.update(row).await?;
    if row.submitted_at.is_some() {
        cases::tally(tx, row.case_id.into()).await?;
    }
    Ok(row)
}

/// The request goes out now: the amounts are read anew, and a constraint holds them to what is owed.
pub(crate) async fn submit(tx: &mut Tx, attempt: Model, amounts: &Amounts, action: serde_json::Value, until: At) -> Result<Model, Failure> {
    let (now, amounts) = (tx.now(), *amounts);
    change(tx, attempt, AttemptState::Submitted, |row| {
        amounts.write(row);
        row.action = Set(Some(action));
        row.submitted_at = Set(Some(now));
        row.claimed_until = Set(Some(until));
    })
    .await
}
