//! What billing's events do to cases, inside the transaction that emits them: money that arrives
//! cancels the planned work at the same instant.

use ::store::{AuditLine, Tx};
use billing::event::{CheckoutExpired, CheckoutOpened, ObligationVoided, PaymentDisputed, PaymentReceived, PaymentRefunded, Via};
use billing::links;
use kernel::{AttemptId, Failure, Money, TransactionId};
use sea_orm::ActiveValue::Set;
use sea_orm::IntoActiveModel as _;
use serde_json::json;

use super::closing::{Ending, close, tell};
use super::{CaseFault, CaseState, Model, note, pausing, planning, store};
use crate::attempts::{self, AttemptState};
use crate::classify::Class;
use crate::flow;
use crate::outcomes::{self, Credit, Mechanism};
use crate::policy::{Owner, StepKind};
use crate::settings::RecoveryConfig;

/// Seconds after which a payer may come back: an attempt of ours takes less.
const BUSY_S: u64 = 60;

/// Money arrived.
pub(crate) async fn received(tx: &mut Tx, event: &PaymentReceived) -> Result<(), Failure> {
    let Some(case) = store::of_transaction(tx, event.transaction).await? else { return Ok(()) };
    let credit = credit(tx, &case, event).await?;
    if event.is_second || event.counted.minor <= 0 {
        return note(tx, &case, "payment.second", format!("A second payment of {} arrived and is given back", event.amount)).await;
    }
    let state = if event.is_paid { CaseState::Recovered } else { CaseState::PartiallyRecovered };
    if case.state().step(state).is_err() || case.state() == state {
        return add_to_closed(tx, case, event.counted, credit).await;
    }
    let how = if event.is_paid { "Paid" } else { "Paid in part" };
    let why = format!("{how}: {} came back{}.", event.counted, by(credit.mechanism));
    let case = close(tx, case, Ending { state, amount: event.counted, credit: Some(credit), why }).await?;
    tracing::info!(event = "recovery.recovered", case = %case.case_id(), state = case.state, mechanism = credit.mechanism.word());
    Ok(())
}

/// More money on a case that already ended with money, or on one that was cancelled: it is noted,
/// and the ending stays.
async fn add_to_closed(tx: &mut Tx, case: Model, amount: Money, credit: Credit) -> Result<(), Failure> {
    if case.state().is_won() {
        outcomes::record(tx, &case, case.state(), amount, Some(credit)).await?;
    }
    let paid = case.paid_minor.saturating_add(amount.minor);
    let mut row = case.into_active_model();
    row.paid_minor = Set(paid);
    tx.update(row).await?;
    Ok(())
}

/// The one thing that brought the money.
async fn credit(tx: &mut Tx, case: &Model, event: &PaymentReceived) -> Result<Credit, Failure> {
    let marked = event.attempt.as_deref().and_then(|text| text.parse::<AttemptId>().ok());
    if event.via == Via::Link {
        return Ok(Credit { mechanism: Mechanism::LinkEmail, attempt: None, link: event.link });
    }
    if let Some(attempt) = ours(tx, case, marked, event.via).await? {
        // A stale card is tried only after it got new data.
        let is_updated = case.class() == Class::StaleCredentials;
        let mechanism = if is_updated { Mechanism::MethodUpdateThenRetry } else { Mechanism::Retry };
        return Ok(Credit { mechanism, attempt: Some(attempt), link: None });
    }
    let mechanism = match event.via {
        Via::Retry => Mechanism::Retry,
        Via::Manual => Mechanism::Manual,
        Via::Provider if case.owner() == Owner::Psp => Mechanism::PspRetry,
        Via::Provider | Via::Link => Mechanism::Organic,
    };
    Ok(Credit { mechanism, attempt: marked, link: None })
}

/// The attempt of ours behind the money: the one that is marked, else the one that is under way and
/// that the provider's report was faster than. It has then succeeded.
async fn ours(tx: &mut Tx, case: &Model, marked: Option<AttemptId>, via: Via) -> Result<Option<AttemptId>, Failure> {
    let attempt = match marked {
        Some(marked) => attempts::by_id(tx, marked).await?.filter(|attempt| attempt.case_id == case.id),
        None if via == Via::Provider => attempts::open_of_case(tx, case.case_id()).await?,
        None => None,
    };
    let Some(attempt) = attempt else { return Ok(None) };
    let id = attempt.attempt_id();
    match attempt.state() {
        AttemptState::Submitted | AttemptState::Unknown => {
            attempts::change(tx, attempt, AttemptState::Succeeded, |_| {}).await?;
            Ok(Some(id))
        }
        AttemptState::Succeeded => Ok(Some(id)),
        // Claimed: nothing was sent, so it was not ours.
        _ => Ok(None),
    }
}

const fn by(mechanism: Mechanism) -> &'static str {
    match mechanism {
        Mechanism::Retry => " with a retry",
        Mechanism::MethodUpdateThenRetry => " with a retry after the card got new data",
        Mechanism::LinkEmail => " through the link in a mail",
        Mechanism::PspRetry => " with a retry of the provider",
        Mechanism::Organic => " without our doing",
        Mechanism::Manual => ", as somebody noted",
    }
}

/// Money went back. A case whose money went back in full is reversed, never opened again.
pub(crate) async fn refunded(tx: &mut Tx, event: &PaymentRefunded) -> Result<(), Failure> {
    let Some(case) = store::of_transaction(tx, event.transaction).await?.filter(|case| case.state().is_won()) else { return Ok(()) };
    let state = if event.in_full { case.state().step(CaseState::Reversed).map_err(Failure::internal)? } else { case.state() };
    let reversed = outcomes::reverse(tx, case.case_id(), state, event.amount).await?;
    let told = format!("{} was given back", event.amount);
    if event.in_full {
        return reverse(tx, case, reversed, told).await;
    }
    let mut row = case.into_active_model();
    row.reversed_minor = Set(reversed);
    let case = tx.update(row).await?;
    note(tx, &case, "case.refunded", told).await
}

async fn reverse(tx: &mut Tx, case: Model, reversed: i64, told: String) -> Result<(), Failure> {
    let state = case.state().step(CaseState::Reversed).map_err(Failure::internal)?;
    let before = json!({ "state": case.state });
    let mut row = case.into_active_model();
    row.state = Set(state.word().to_owned());
    row.reversed_minor = Set(reversed);
    let case = tx.update(row).await?;
    tx.audit(AuditLine::new("case.reversed", "case", case.id).before(before).after(json!({ "state": case.state }))).await?;
    tell(tx, &case, Money::new(0, case.currency()), None).await?;
    note(tx, &case, "case.reversed", told).await
}

/// The payer's bank took the money back: nobody is charged or written to any more, and what was won is
/// reversed.
pub(crate) async fn disputed(tx: &mut Tx, event: &PaymentDisputed) -> Result<(), Failure> {
    let Some(case) = store::of_transaction(tx, event.transaction).await? else { return Ok(()) };
    if case.state().is_open() {
        let amount = Money::new(0, case.currency());
        let why = "The payer disputes the payment.".to_owned();
        return close(tx, case, Ending { state: CaseState::Disputed, amount, credit: None, why }).await.map(drop);
    }
    if !case.state().is_won() {
        return Ok(());
    }
    let amount = Money::new(case.paid_minor, case.currency());
    let reversed = outcomes::reverse(tx, case.case_id(), CaseState::Reversed, amount).await?;
    reverse(tx, case, reversed, "The payer disputes what was paid".to_owned()).await
}

/// Nothing is owed any more.
pub(crate) async fn voided(tx: &mut Tx, event: &ObligationVoided) -> Result<(), Failure> {
    let Some(case) = open_case(tx, event.transaction).await? else { return Ok(()) };
    let amount = Money::new(0, case.currency());
    let why = "The payment was cancelled; nothing is owed any more.".to_owned();
    close(tx, case, Ending { state: CaseState::Cancelled, amount, credit: None, why }).await.map(drop)
}

/// The payer is about to pay and holds the case's one slot. While an attempt of ours is under way the
/// checkout is refused: both could succeed.
pub(crate) async fn checkout_opened(tx: &mut Tx, event: &CheckoutOpened) -> Result<(), Failure> {
    let Some(case) = open_case(tx, event.transaction).await? else { return Ok(()) };
    let state = case.state();
    if matches!(state, CaseState::InFlight | CaseState::SyncPending) {
        return Err(Failure::new(CaseFault::Busy).retry_after(BUSY_S));
    }
    if state == CaseState::Paused {
        return Ok(());
    }
    let is_paying = state == CaseState::CustomerPaying;
    let previous = if is_paying { case.previous() } else { state };
    // Of several visits the one that ends last is waited for.
    let until = if is_paying { case.next_action_at.unwrap_or(event.expires_at).max(event.expires_at) } else { event.expires_at };
    let next = state.step(CaseState::CustomerPaying).map_err(Failure::internal)?;
    let deadline = case.deadline_at;
    let mut row = case.into_active_model();
    row.state = Set(next.word().to_owned());
    row.previous_state = Set(Some(previous.word().to_owned()));
    row.next_action_at = Set(Some(until.min(deadline)));
    row.next_kind = Set(Some(StepKind::ReadBack.word().to_owned()));
    let case = tx.update(row).await?;
    // The end of the visit is earlier than what was planned.
    flow::wake(tx, case.case_id()).await?;
    note(tx, &case, "case.customer_paying", "The payer opened the checkout".to_owned()).await
}

/// The payer went away: back to where the case was, unless they pay through another link.
pub(crate) async fn checkout_expired(tx: &mut Tx, config: &RecoveryConfig, event: &CheckoutExpired) -> Result<(), Failure> {
    let Some(case) = open_case(tx, event.transaction).await? else { return Ok(()) };
    if links::any_in_checkout(tx, event.transaction).await? {
        return Ok(());
    }
    let case = checkout_ended(tx, config, case).await?;
    flow::wake(tx, case.case_id()).await
}

/// Gives the slot back and plans anew.
pub(crate) async fn checkout_ended(tx: &mut Tx, config: &RecoveryConfig, case: Model) -> Result<Model, Failure> {
    if case.state() != CaseState::CustomerPaying {
        return Ok(case);
    }
    let case = pausing::back(tx, case).await?;
    planning::replan(tx, config, case).await
}

async fn open_case(tx: &mut Tx, transaction: TransactionId) -> Result<Option<Model>, Failure> {
    Ok(store::of_transaction(tx, transaction).await?.filter(|case| case.state().is_open()))
}
