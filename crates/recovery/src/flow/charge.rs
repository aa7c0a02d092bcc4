//! An attempt: claim, look, submit, call, record.

use ::store::{AuditLine, Tx};
use billing::provider::{Action, Gateway, IdempotencyKey, Refs};
use billing::transactions;
use chrono::TimeDelta;
use host::Work;
use kernel::{AttemptId, CaseId, Failure};
use sea_orm::ActiveValue::Set;
use sea_orm::IntoActiveModel as _;
use serde_json::json;

use super::advance::{LEASE, held};
use super::ask::{self, Line, Seen};
use super::{heap, record};
use crate::alerts;
use crate::attempts::{self, AttemptState};
use crate::cards;
use crate::cases::{self, CaseState, Model, Obligation, PART};
use crate::policy::{Budget, StepKind};
use crate::settings::RecoveryConfig;

/// An attempt that was submitted: what is left is the call.
struct Order {
    gateway: Gateway,
    action: Action,
    key: IdempotencyKey,
}

/// Makes the attempt that is due, unless something speaks against it by now.
pub(super) async fn charge(work: &Work, config: &RecoveryConfig, id: CaseId) -> Result<(), Failure> {
    let Some((attempt, line)) = claim(work, config, id).await? else { return Ok(()) };
    let known = match ask::look(&line).await {
        Seen::Owed(refs) => Some(refs),
        Seen::NeverHeard => None,
        seen => return release(work, config, id, attempt, &seen).await,
    };
    let Some(order) = submit(work, config, id, attempt, line.gateway, known).await? else { return Ok(()) };
    let result = order.gateway.execute(&order.action, &order.key).await;
    heap(|| record::record(work, config, id, attempt, result)).await
}

/// Takes the case's one slot, if the plan made now still says so: hard declines, the budget, the
/// deadline, what is owed and whether a person has to look are all asked anew. Otherwise the new plan is written.
async fn claim(work: &Work, config: &RecoveryConfig, id: CaseId) -> Result<Option<(AttemptId, Line)>, Failure> {
    let mut tx = work.begin(PART).await?;
    let Some(case) = cases::locked(&mut tx, id).await?.filter(|case| case.state().step(CaseState::InFlight).is_ok()) else {
        return Ok(None);
    };
    let case = cases::stop_if_alerted(&mut tx, case).await?;
    if case.state() == CaseState::Paused {
        tx.commit().await?;
        return Ok(None);
    }
    let planned = cases::ask(&mut tx, config, &case).await?;
    let is_due = planned.plan.next.kind == StepKind::Retry && planned.plan.next.at <= tx.now();
    let line = if is_due { ask::line(work, &mut tx, &planned.obligation).await? } else { None };
    let Some(line) = line else {
        cases::write(&mut tx, case, planned).await?;
        tx.commit().await?;
        return Ok(None);
    };
    let until = tx.now() + LEASE;
    let attempt =
        attempts::plan(&mut tx, id, planned.plan.next.at, &planned.obligation.amounts(), &planned.plan.explanation.summary).await?;
    let attempt = attempts::change(&mut tx, attempt, AttemptState::Claimed, |row| row.claimed_until = Set(Some(until))).await?;
    in_flight(&mut tx, case).await?;
    tx.commit().await?;
    Ok(Some((attempt.attempt_id(), line)))
}

async fn in_flight(tx: &mut Tx, case: Model) -> Result<Model, Failure> {
    let state = case.state().step(CaseState::InFlight).map_err(Failure::internal)?;
    let until = (tx.now() + LEASE).min(case.deadline_at);
    let mut row = case.into_active_model();
    row.state = Set(state.word().to_owned());
    row.next_action_at = Set(Some(until));
    Ok(tx.update(row).await?)
}

/// The last look said no: nothing was sent. The claim is given back and the answer applied.
async fn release(work: &Work, config: &RecoveryConfig, id: CaseId, attempt: AttemptId, seen: &Seen) -> Result<(), Failure> {
    let mut tx = work.begin(PART).await?;
    let Some((case, attempt)) = held(&mut tx, id, attempt).await?.filter(|(_, attempt)| attempt.state() == AttemptState::Claimed) else {
        return Ok(());
    };
    let case = give_back(&mut tx, case, attempt).await?;
    if let Some(case) = ask::settle(&mut tx, case, seen, None).await? {
        not_before(&mut tx, config, case, seen.pause().unwrap_or_default()).await?;
    }
    Ok(tx.commit().await?)
}

/// The attempt is planned again, the case scheduled again.
pub(super) async fn give_back(tx: &mut Tx, case: Model, attempt: attempts::Model) -> Result<Model, Failure> {
    attempts::change(tx, attempt, AttemptState::Planned, |row| row.claimed_until = Set(None)).await?;
    scheduled(tx, case).await
}

pub(super) async fn scheduled(tx: &mut Tx, case: Model) -> Result<Model, Failure> {
    let state = case.state().step(CaseState::Scheduled).map_err(Failure::internal)?;
    let mut row = case.into_active_model();
    row.state = Set(state.word().to_owned());
    Ok(tx.update(row).await?)
}

/// Plans anew, with no attempt before `pause` is over.
pub(super) async fn not_before(tx: &mut Tx, config: &RecoveryConfig, case: Model, pause: TimeDelta) -> Result<Model, Failure> {
    let until = tx.now() + pause;
    let mut row = case.into_active_model();
    row.pause_until = Set(Some(until));
    let case = tx.update(row).await?;
    cases::replan(tx, config, case).await
}

/// Writes down that the request goes out: the attempt, the budget and the key, before the call.
async fn submit(
    work: &Work,
    config: &RecoveryConfig,
    id: CaseId,
    attempt: AttemptId,
    gateway: Gateway,
    known: Option<Refs>,
) -> Result<Option<Order>, Failure> {
    let mut tx = work.begin(PART).await?;
    let held = held(&mut tx, id, attempt).await?;
    let Some((case, row)) = held.filter(|(case, row)| case.state() == CaseState::InFlight && row.state() == AttemptState::Claimed) else {
        return Ok(None);
    };
    let is_known = known.is_some();
    remember(&mut tx, &case, known).await?;
    let obligation = Obligation::read(&mut tx, &case).await?;
    let action = if is_known { obligation.charge(Some(attempt)) } else { obligation.new_charge(Some(attempt)) };
    let action = action.filter(|_| case.hardness().allows_retry() && obligation.owed().minor > 0);
    let is_free = has_budget(&mut tx, config, &obligation).await? && !alerts::stops(&mut tx, case.id).await?;
    let Some(action) = action.filter(|_| is_free) else {
        let case = give_back(&mut tx, case, row).await?;
        not_before(&mut tx, config, case, ask::UNDER_WAY).await?;
        tx.commit().await?;
        return Ok(None);
    };
    let (now, sent) = (tx.now(), json!(action));
    let row = attempts::submit(&mut tx, row, &obligation.amounts(), sent, now + LEASE).await?;
    if let Some(card) = obligation.card() {
        cards::count(&mut tx, &card, now, count_key(attempt), Some(id)).await?;
    }
    count_attempt(&mut tx, case, 1).await?;
    tx.audit(AuditLine::new("attempt.submitted", "attempt", row.id).after(json!({ "case": id, "amount": row.amount() }))).await?;
    tx.commit().await?;
    Ok(Some(Order { gateway, action, key: IdempotencyKey::of_attempt(attempt) }))
}

/// Keeps the names that the provider gave the payment: each later report may use another of them.
async fn remember(tx: &mut Tx, case: &Model, known: Option<Refs>) -> Result<(), Failure> {
    let Some(refs) = known else { return Ok(()) };
    if let Some(transaction) = transactions::hold(tx, case.transaction()).await? {
        transactions::add_refs(tx, transaction, &refs, None).await?;
    }
    Ok(())
}

/// How an attempt of ours is counted on its card.
pub(super) fn count_key(attempt: AttemptId) -> String {
    format!("attempt:{attempt}")
}

/// Counted again under the lock on the card, so that two cases cannot both take the last place.
async fn has_budget(tx: &mut Tx, config: &RecoveryConfig, obligation: &Obligation) -> Result<bool, Failure> {
    let Some(card) = obligation.card() else { return Ok(true) };
    let used = cards::locked_uses(tx, &card).await?;
    let budget = Budget::of(obligation.network(), obligation.country(), config.card_attempts_30d_max);
    Ok(budget.first_free(tx.now(), &used).is_some_and(|free| free <= tx.now()))
}

/// Adds to the attempts that were sent, or takes one back that was not.
pub(super) async fn count_attempt(tx: &mut Tx, case: Model, by: i32) -> Result<Model, Failure> {
    let used = (case.attempts_used + by).max(0);
    let until = (tx.now() + LEASE).min(case.deadline_at);
    let mut row = case.into_active_model();
    row.attempts_used = Set(used);
    row.next_action_at = Set(Some(until));
    Ok(tx.update(row).await?)
}
