//! Finding out what became of an attempt whose worker died or whose answer was lost.

use billing::provider::{Action, ActionResult, Gateway, IdempotencyKey, PaymentStatus, ProviderError, ProviderRef};
use chrono::TimeDelta;
use host::Work;
use kernel::{At, AttemptId, CaseId, Failure};

use super::advance::held;
use super::ask::{self, AWAY, UNDER_WAY};
use super::charge::{give_back, scheduled};
use super::record;
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
    /// The payment is known by name: ask for it.
    ReadBack(Gateway, ProviderRef),
    /// It is known only by our key: the same key repeats the answer and not the effect.
    Repeat(Gateway, Box<Action>, IdempotencyKey),
    /// Nobody can be asked (any more).
    None,
}

struct Open {
    attempt: AttemptId,
    sent_at: At,
    way: Way,
}

/// Settles the open attempt of a case, or says when to ask again.
pub(super) async fn resolve(work: &Work, config: &RecoveryConfig, id: CaseId) -> Result<(), Failure> {
    let Some(open) = open(work, config, id).await? else { return Ok(()) };
    let answer = match open.way {
        Way::Repeat(gateway, action, key) => gateway.execute(&action, &key).await,
        Way::ReadBack(gateway, question) => match gateway.read_back(&question).await {
            // Still on its way: asked for again, never decided by us.
            Ok(state) if state.status == PaymentStatus::Processing => Err(ProviderError::Unknown("processing".to_owned())),
            Ok(state) => Ok(ActionResult::Charged(Box::new(state))),
            Err(error) => Err(error),
        },
        Way::None => Err(ProviderError::Unknown("nobody can be asked".to_owned())),
    };
    match answer {
        Ok(result) => record::record(work, config, id, open.attempt, Ok(result)).await,
        Err(ProviderError::Declined(state)) => record::record(work, config, id, open.attempt, Err(ProviderError::Declined(state))).await,
        Err(_) => wait(work, id, open.attempt, open.sent_at).await,
    }
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
    let (attempt, sent_at) = (row.attempt_id(), row.submitted_at.unwrap_or(row.created_at));
    let action = row.action.clone().and_then(|action| serde_json::from_value::<Action>(action).ok());
    let way = match (line, action) {
        (None, _) => Way::None,
        (Some(line), Some(action @ Action::ChargeOffSession { .. })) if tx.now() - sent_at < KEY_LIFETIME => {
            Way::Repeat(line.gateway, Box::new(action), IdempotencyKey::of_attempt(attempt))
        }
        (Some(_), Some(Action::ChargeOffSession { .. })) => Way::None,
        (Some(line), _) => line.question.map_or(Way::None, |question| Way::ReadBack(line.gateway, question)),
    };
    record::unknown(&mut tx, case, row, AWAY).await?;
    tx.commit().await?;
    Ok(Some(Open { attempt, sent_at, way }))
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
