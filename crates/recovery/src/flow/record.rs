//! What came of an attempt.

use ::store::Tx;
use billing::provider::{ActionResult, PaymentState, PaymentStatus, ProviderError, RawDecline as Told};
use billing::transactions::{self, NewFailure};
use chrono::{Duration, TimeDelta};
use host::Work;
use kernel::{AttemptId, CaseId, Failure};
use sea_orm::ActiveValue::Set;
use sea_orm::IntoActiveModel as _;
use serde_json::json;

use super::advance::held;
use super::ask::{self, AWAY, BROKEN, UNDER_WAY};
use super::charge::{count_attempt, count_key, not_before, scheduled};
use super::heap;
use crate::attempts::{self, AttemptState};
use crate::cards;
use crate::cases::{self, CaseState, Model, Obligation, PART};
use crate::classify::{Class, Confidence, Decline, Hardness, RawDecline, Source, classify};
use crate::settings::RecoveryConfig;

/// When an answer was lost, the provider is asked for it after this.
const ASK_FIRST: TimeDelta = TimeDelta::minutes(2);

type Answer = Result<ActionResult, ProviderError>;

/// Records the answer to an attempt, unless a report of the provider was faster. What happened is
/// written down also when the case has ended meanwhile; then it changes nothing but the attempt.
pub(super) async fn record(work: &Work, config: &RecoveryConfig, id: CaseId, attempt: AttemptId, answer: Answer) -> Result<(), Failure> {
    let mut tx = work.begin(PART).await?;
    let Some((case, row)) = held(&mut tx, id, attempt).await? else { return Ok(()) };
    if !matches!(row.state(), AttemptState::Submitted | AttemptState::Unknown) {
        return Ok(());
    }
    match answer {
        Ok(ActionResult::Charged(state)) => heap(|| charged(&mut tx, config, case, row, &state)).await?,
        Err(ProviderError::Declined(state)) => heap(|| declined(&mut tx, config, case, row, &state)).await?,
        Err(ProviderError::Refused { code, message }) => heap(|| refused(&mut tx, config, case, row, &code, &message)).await?,
        Err(ProviderError::RateLimited { retry_after_s }) => {
            heap(|| not_sent(&mut tx, config, case, row, ask::asked_pause(retry_after_s))).await?;
        }
        Err(ProviderError::Unreachable(_)) => heap(|| not_sent(&mut tx, config, case, row, AWAY)).await?,
        Err(ProviderError::Config(why)) => {
            tracing::warn!(event = "recovery.connection_broken", case = %id, why, "the provider refuses our key");
            heap(|| not_sent(&mut tx, config, case, row, BROKEN)).await?;
        }
        Ok(other) => {
            tracing::error!(event = "recovery.odd_answer", case = %id, answer = ?other, "a charge was answered with something else");
            heap(|| unknown(&mut tx, case, row, ASK_FIRST)).await?;
        }
        Err(ProviderError::Unknown(_)) => heap(|| unknown(&mut tx, case, row, ASK_FIRST)).await?,
    }
    Ok(tx.commit().await?)
}

/// The provider took the request in; money moved only if its status says so.
pub(super) async fn charged(
    tx: &mut Tx,
    config: &RecoveryConfig,
    case: Model,
    row: attempts::Model,
    state: &PaymentState,
) -> Result<(), Failure> {
    match state.status {
        PaymentStatus::Succeeded => heap(|| succeeded(tx, case, row, state)).await,
        PaymentStatus::Processing => heap(|| unknown(tx, case, row, UNDER_WAY)).await,
        PaymentStatus::RequiresAction | PaymentStatus::Declined | PaymentStatus::Open => {
            heap(|| declined(tx, config, case, row, state)).await
        }
        PaymentStatus::Canceled => {
            let id = case.case_id();
            heap(|| declined(&mut *tx, config, case, row, state)).await?;
            match cases::locked(tx, id).await? {
                Some(case) => ask::settle(tx, case, &ask::Seen::Gone, None).await.map(drop),
                None => Ok(()),
            }
        }
    }
}

/// It was paid. Billing counts the money and tells; the listeners of this room close the case.
async fn succeeded(tx: &mut Tx, case: Model, row: attempts::Model, state: &PaymentState) -> Result<(), Failure> {
    // The first answer of an invoice may not say which payment it was; reading it back does.
    if row.state() == AttemptState::Submitted && heap(|| ask::is_unnamed(&mut *tx, &case, state)).await? {
        return heap(|| unknown(tx, case, row, ASK_FIRST)).await;
    }
    let id = row.attempt_id();
    let told = state.refs.obligation_key().map(ToOwned::to_owned);
    attempts::change(tx, row, AttemptState::Succeeded, |row| row.provider_ref = Set(told)).await?;
    let counted = heap(|| ask::paid(&mut *tx, &case, state, Some(id))).await?;
    let Some(case) = cases::locked(tx, case.case_id()).await?.filter(|case| case.state().is_open()) else { return Ok(()) };
    // Money that billing would not count (another currency) is for a person to look at.
    tracing::error!(event = "recovery.odd_money", case = %case.case_id(), counted, "a charge succeeded and the case is still open");
    let deadline = case.deadline_at;
    let case = scheduled(tx, case).await?;
    let case = cases::stop_if_alerted(tx, case).await?;
    if !case.state().is_planned() {
        return Ok(());
    }
    let mut row = case.into_active_model();
    row.hold_kind = Set(Some(crate::policy::Hold::ManualReview.word().to_owned()));
    row.hold_until = Set(Some(deadline));
    row.next_kind = Set(Some(crate::policy::StepKind::GiveUp.word().to_owned()));
    row.next_action_at = Set(Some(deadline));
    tx.update(row).await?;
    Ok(())
}

async fn declined(tx: &mut Tx, config: &RecoveryConfig, case: Model, row: attempts::Model, state: &PaymentState) -> Result<(), Failure> {
    let told = state.decline.clone().unwrap_or_default();
    let obligation = Obligation::read(tx, &case).await?;
    let mut verdict = classify(&RawDecline::of(&told, obligation.network()));
    if state.status == PaymentStatus::RequiresAction && verdict.hardness < Hardness::CustomerAction {
        verdict = Decline {
            class: Class::AuthRequired,
            hardness: Hardness::CustomerAction,
            reason: "the provider asks for authentication".into(),
            ..verdict
        };
    }
    tell_billing(tx, &obligation, &row, state, told).await?;
    let case = attempt_declined(tx, case, row, &verdict, state.refs.obligation_key()).await?;
    cases::replan(tx, config, case).await.map(drop)
}

/// Billing keeps every decline, ours too; the provider's own report of it is then known already.
async fn tell_billing(
    tx: &mut Tx,
    obligation: &Obligation,
    row: &attempts::Model,
    state: &PaymentState,
    told: Told,
) -> Result<(), Failure> {
    let Some(transaction) = transactions::hold(tx, obligation.transaction.transaction_id()).await? else { return Ok(()) };
    let new = NewFailure {
        occurred_at: tx.now(),
        due: None,
        decline: told,
        method: obligation.transaction.payment_method(),
        charge: state.refs.charge.clone(),
        report: format!("attempt:{}", row.attempt_id()),
        event_row: None,
    };
    transactions::fail(tx, transaction, new).await.map(drop)
}

/// An attempt of ours was declined: the case goes by the new verdict, if it is still open.
pub(crate) async fn attempt_declined(
    tx: &mut Tx,
    case: Model,
    attempt: attempts::Model,
    verdict: &Decline,
    provider_ref: Option<&str>,
) -> Result<Model, Failure> {
    let state = if verdict.class == Class::AuthRequired { AttemptState::RequiresAction } else { AttemptState::Declined };
    let sent_at = attempt.submitted_at.unwrap_or_else(|| tx.now());
    let told = provider_ref.map(ToOwned::to_owned);
    attempts::change(tx, attempt, state, |row| {
        row.decline = Set(Some(json!(verdict)));
        row.provider_ref = Set(told);
    })
    .await?;
    if !case.state().is_open() {
        return Ok(case);
    }
    let case = scheduled(tx, case).await?;
    let floor = verdict.earliest_retry_after_s.map(|seconds| sent_at + Duration::seconds(seconds));
    let (misses, floor_at) = (case.misses + 1, case.floor_at.max(floor));
    let mut row = case.into_active_model();
    row.class = Set(verdict.class.word().to_owned());
    row.hardness = Set(verdict.hardness.word().to_owned());
    row.classification = Set(json!(verdict));
    row.misses = Set(misses);
    row.floor_at = Set(floor_at);
    let case = tx.update(row).await?;
    cases::note(tx, &case, "attempt.declined", format!("A retry was declined: {}", verdict.class.describe())).await?;
    Ok(case)
}

/// The provider understood and refused: it would refuse the same again.
async fn refused(
    tx: &mut Tx,
    config: &RecoveryConfig,
    case: Model,
    row: attempts::Model,
    code: &str,
    message: &str,
) -> Result<(), Failure> {
    tracing::warn!(event = "recovery.refused", case = %case.case_id(), code, message, "the provider refuses this charge");
    let verdict = Decline {
        class: Class::PspBlocked,
        hardness: Hardness::Hard,
        category: None,
        confidence: Confidence::Medium,
        earliest_retry_after_s: None,
        link_allowed: true,
        reason: format!("the provider refused the request with `{code}`"),
        source: Source::Code,
    };
    // The network never saw it.
    cards::forget(tx, &count_key(row.attempt_id())).await?;
    let case = attempt_declined(tx, case, row, &verdict, None).await?;
    cases::replan(tx, config, case).await.map(drop)
}

/// The provider knows nothing of an attempt that was about to be sent: whoever was to send it died first.
/// It counts neither against the card nor on the ladder.
pub(super) async fn never_arrived(work: &Work, config: &RecoveryConfig, id: CaseId, attempt: AttemptId) -> Result<(), Failure> {
    let mut tx = work.begin(PART).await?;
    let held = held(&mut tx, id, attempt).await?;
    let Some((case, row)) = held.filter(|(_, row)| row.state() == AttemptState::Unknown) else { return Ok(()) };
    not_sent(&mut tx, config, case, row, TimeDelta::zero()).await?;
    Ok(tx.commit().await?)
}

/// Nothing went out: the attempt never was, and another is planned.
async fn not_sent(tx: &mut Tx, config: &RecoveryConfig, case: Model, row: attempts::Model, pause: TimeDelta) -> Result<(), Failure> {
    cards::forget(tx, &count_key(row.attempt_id())).await?;
    attempts::change(tx, row, AttemptState::Cancelled, |row| {
        row.counts_to_network = Set(false);
        row.reason = Set("the provider never heard of it".to_owned());
    })
    .await?;
    if !case.state().is_open() {
        return Ok(());
    }
    let case = scheduled(tx, case).await?;
    let case = count_attempt(tx, case, -1).await?;
    not_before(tx, config, case, pause).await.map(drop)
}

/// The request went out and there is no final answer: only the provider can say what happened. A
/// case that has ended has no next action, so the attempt itself says when to ask again.
pub(super) async fn unknown(tx: &mut Tx, case: Model, row: attempts::Model, pause: TimeDelta) -> Result<(), Failure> {
    let until = tx.now() + pause;
    let again_at = (!case.state().is_open()).then_some(until);
    if row.state() == AttemptState::Submitted {
        attempts::change(tx, row, AttemptState::Unknown, |row| row.claimed_until = Set(again_at)).await?;
    } else if row.claimed_until != again_at {
        let mut row = row.into_active_model();
        row.claimed_until = Set(again_at);
        tx.update(row).await?;
    }
    if !case.state().is_open() {
        return Ok(());
    }
    let state = case.state().step(CaseState::SyncPending).map_err(Failure::internal)?;
    let deadline = case.deadline_at;
    let mut row = case.into_active_model();
    row.state = Set(state.word().to_owned());
    row.next_action_at = Set(Some(until.min(deadline)));
    tx.update(row).await?;
    Ok(())
}
