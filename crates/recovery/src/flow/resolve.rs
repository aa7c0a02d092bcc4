//! Finding out what became of an attempt whose worker died or whose answer was lost.

use billing::provider::{Action, ActionResult, Gateway, IdempotencyKey, PaymentStatus, ProviderError, ProviderRef};
use billing::transactions;
use chrono::TimeDelta;
use host::Work;
use kernel::{At, AttemptId, CaseId, Failure, TransactionId};

use super::advance::held;
use super::ask::{self, AWAY, Line, UNDER_WAY};
use super::charge::{give_back, scheduled};
use super::record;
use crate::alerts;
use crate::attempts::{self, AttemptState};
use crate::cases::{self, Obligation, PART};
use crate::settings::RecoveryConfig;

/// Providers keep idempotency keys for a day at least; after that the same key could charge anew.
const KEY_LIFETIME: TimeDelta = TimeDelta::hours(23);
/// When the case has ended and the first hour is over.
const ENDED: TimeDelta = TimeDelta::hours(6);
/// In the first hour the answer is asked for often.
const SOON: TimeDelta = TimeDelta::hours(1);

/// How the answer can be had.
enum Way {
    /// The payment is known by name: ask for it. Where nothing speaks against the attempt by now and it
    /// never arrived, it is sent again with its own key.
    ReadBack(Gateway, ProviderRef, Option<Box<Action>>),
    /// It is known only by our key. What arrived is answered once more and not done again; what never
    /// arrived is done now, so only what would be sent today is sent.
    Repeat(Gateway, Box<Action>),
    /// Nobody can be asked (any more).
    None,
}

struct Open {
    attempt: AttemptId,
    transaction: TransactionId,
    sent_at: At,
    way: Way,
}

/// What was found out.
enum Found {
    Answer(Result<ActionResult, ProviderError>),
    /// The provider knows the payment, and nothing of this attempt.
    NeverArrived,
}

/// Settles the open attempt of a case, or says when to ask again.
pub(super) async fn resolve(work: &Work, config: &RecoveryConfig, id: CaseId) -> Result<(), Failure> {
    let Some(open) = open(work, config, id).await? else { return Ok(()) };
    let key = IdempotencyKey::of_attempt(open.attempt);
    let found = match &open.way {
        Way::Repeat(gateway, action) => Found::Answer(gateway.execute(action, &key).await),
        Way::ReadBack(gateway, question, again) => match (read_back(work, &open, gateway, question).await?, again) {
            (Found::NeverArrived, Some(action)) => heard_of(work, &open, gateway.execute(action, &key).await).await?,
            (found, _) => found,
        },
        Way::None => Found::Answer(Err(ProviderError::Unknown("nobody can be asked".to_owned()))),
    };
    match found {
        Found::Answer(Ok(result)) => record::record(work, config, id, open.attempt, Ok(result)).await,
        Found::Answer(Err(ProviderError::Declined(state))) => {
            record::record(work, config, id, open.attempt, Err(ProviderError::Declined(state))).await
        }
        Found::Answer(Err(_)) => wait(work, id, open.attempt, open.sent_at).await,
        Found::NeverArrived => record::never_arrived(work, config, id, open.attempt).await,
    }
}

async fn read_back(work: &Work, open: &Open, gateway: &Gateway, question: &ProviderRef) -> Result<Found, Failure> {
    match gateway.read_back(question).await {
        // Still on its way: asked for again, never decided by us.
        Ok(state) if state.status == PaymentStatus::Processing => Ok(Found::Answer(Err(ProviderError::Unknown("processing".to_owned())))),
        Ok(state) => heard_of(work, open, Ok(ActionResult::Charged(Box::new(state)))).await,
        Err(error) => Ok(Found::Answer(Err(error))),
    }
}

/// Tells the answer to this attempt from what the provider knew before it: each charge has a name of its
/// own, and the last one was read right before the attempt was sent.
async fn heard_of(work: &Work, open: &Open, answer: Result<ActionResult, ProviderError>) -> Result<Found, Failure> {
    let Ok(ActionResult::Charged(state)) = &answer else { return Ok(Found::Answer(answer)) };
    let is_open = matches!(state.status, PaymentStatus::Declined | PaymentStatus::Open | PaymentStatus::RequiresAction);
    if !is_open {
        return Ok(Found::Answer(answer));
    }
    let is_old = match &state.refs.charge {
        Some(charge) => {
            let mut tx = work.begin(PART).await?;
            transactions::was_known(&mut tx, open.transaction, charge, open.sent_at).await?
        }
        // It waits for the payer without a charge, and nobody but us asked for one.
        None => state.status != PaymentStatus::RequiresAction,
    };
    Ok(if is_old { Found::NeverArrived } else { Found::Answer(answer) })
}

/// What is open. A claim without a call is given back: nothing was sent.
async fn open(work: &Work, config: &RecoveryConfig, id: CaseId) -> Result<Option<Open>, Failure> {
    let mut tx = work.begin(PART).await?;
    let Some(case) = cases::locked(&mut tx, id).await? else { return Ok(None) };
    let found = attempts::open_of_case(&mut tx, id).await?;
    let row = match found {
        Some(row) if row.state() != AttemptState::Claimed => row,
        _ if !case.state().is_open() => return Ok(None),
        claimed => {
            let case = match claimed {
                Some(row) => give_back(&mut tx, case, row).await?,
                None => scheduled(&mut tx, case).await?,
            };
            cases::replan(&mut tx, config, case).await?;
            tx.commit().await?;
            return Ok(None);
        }
    };
    let obligation = Obligation::read(&mut tx, &case).await?;
    let line = ask::line(work, &mut tx, &obligation).await?;
    let is_clear = !alerts::stops(&mut tx, case.id).await?;
    let way = way(&case, &obligation, &row, line, is_clear, tx.now());
    let (attempt, sent_at) = (row.attempt_id(), row.submitted_at.unwrap_or(row.created_at));
    record::unknown(&mut tx, case, row, AWAY).await?;
    tx.commit().await?;
    Ok(Some(Open { attempt, transaction: obligation.transaction.transaction_id(), sent_at, way }))
}

fn way(case: &cases::Model, obligation: &Obligation, row: &attempts::Model, line: Option<Line>, is_clear: bool, now: At) -> Way {
    let Some(line) = line else { return Way::None };
    let action = row.action.clone().and_then(|action| serde_json::from_value::<Action>(action).ok());
    let is_young = now - row.submitted_at.unwrap_or(row.created_at) < KEY_LIFETIME;
    // Only what would be sent today is sent again: the same amount, with a method that may be used.
    let may_go = is_young
        && is_clear
        && case.state().is_open()
        && case.hardness().allows_retry()
        && obligation.can_charge()
        && obligation.owed() == row.amount();
    match (action, line.question) {
        (Some(action @ Action::ChargeOffSession { .. }), _) if may_go => Way::Repeat(line.gateway, Box::new(action)),
        // What came of it is told by its webhook, which carries the attempt's name.
        (Some(Action::ChargeOffSession { .. }), _) | (_, None) => Way::None,
        (action, Some(question)) => Way::ReadBack(line.gateway, question, action.filter(|_| may_go).map(Box::new)),
    }
}

/// Nobody could say: asked again soon, then hourly; a case that has ended is in no hurry.
async fn wait(work: &Work, id: CaseId, attempt: AttemptId, sent_at: At) -> Result<(), Failure> {
    let mut tx = work.begin(PART).await?;
    let held = held(&mut tx, id, attempt).await?;
    let Some((case, row)) = held.filter(|(_, row)| row.state() == AttemptState::Unknown) else { return Ok(()) };
    let age = tx.now() - sent_at;
    if age > KEY_LIFETIME {
        tracing::error!(event = "recovery.unresolved", case = %id, attempt = %attempt, "an attempt's result is still unknown; reconcile it by hand");
    }
    let pause = match age {
        age if age < SOON => AWAY,
        _ if case.state().is_open() => UNDER_WAY,
        _ => ENDED,
    };
    record::unknown(&mut tx, case, row, pause).await?;
    Ok(tx.commit().await?)
}
