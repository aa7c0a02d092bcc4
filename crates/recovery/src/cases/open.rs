//! Opening: a recorded failure becomes a case, or adds to the one that its obligation has.

use std::sync::Arc;

use ::store::{AuditLine, Tx};
use billing::event::EarlierFailureTold;
use billing::methods::{self, MethodState};
use billing::{FailureSink, Opened, RecordedFailure};
use chrono::{Duration, TimeDelta};
use host::BoxFuture;
use kernel::{At, AttemptId, CaseId, CustomerId, Failure, PaymentMethodId};
use sea_orm::ActiveValue::Set;
use sea_orm::IntoActiveModel as _;
use serde_json::json;

use super::events::CaseOpened;
use super::{CaseState, Model, Obligation, note, planning, store};
use crate::attempts::{self, AttemptState};
use crate::classify::{Class, Decline, Hardness, RawDecline, classify};
use crate::policy::{Explanation, Owner, Policy, StepKind};
use crate::settings::RecoveryConfig;
use crate::{cards, flow, outcomes};

/// A provider's report of our own attempt carries its time, which differs from ours by the way
/// between us.
const ECHO_TIME: TimeDelta = TimeDelta::minutes(2);

/// The port that billing tells failures to.
pub(crate) struct Opening(pub Arc<RecoveryConfig>);

impl FailureSink for Opening {
    fn failure_recorded<'a>(&'a self, tx: &'a mut Tx, failure: &'a RecordedFailure) -> BoxFuture<'a, Result<Opened, Failure>> {
        Box::pin(async move { hear(tx, &self.0, failure).await })
    }
}

async fn hear(tx: &mut Tx, config: &RecoveryConfig, failure: &RecordedFailure) -> Result<Opened, Failure> {
    let verdict = classify(&raw(failure));
    let known = if failure.is_new { None } else { store::of_transaction(tx, failure.transaction).await? };
    let case = match known {
        None => open(tx, config, failure, &verdict).await?,
        Some(case) => add(tx, config, case, failure, &verdict).await?,
    };
    Ok(Opened { case_id: case.case_id(), classification: json!(verdict) })
}

/// A case for an obligation that has none, with its first plan.
async fn open(tx: &mut Tx, config: &RecoveryConfig, failure: &RecordedFailure, verdict: &Decline) -> Result<Model, Failure> {
    let is_marked = mark_method(tx, failure, verdict).await?;
    // A method that was just marked is no longer as billing read it.
    let method = failure.known_method.as_ref().filter(|_| !is_marked);
    let obligation = Obligation::told(tx, failure, method).await?;
    let card = uses(tx, failure, &obligation).await?;
    let (case, planned) = planning::plan_first(tx.now(), config, new(tx, failure, verdict), obligation, card)?;
    tx.insert_quiet(case.clone().into_active_model()).await?;
    tell(tx, &case, failure, verdict).await?;
    count(tx, failure, case.case_id()).await?;
    planning::write_first(tx, &case, &planned).await?;
    flow::start(tx, case.case_id(), case.next_action_at).await?;
    Ok(case)
}

/// A case that there is hears of a failure, and is planned anew.
async fn add(tx: &mut Tx, config: &RecoveryConfig, case: Model, failure: &RecordedFailure, verdict: &Decline) -> Result<Model, Failure> {
    let is_ours = echoed(tx, &case, failure).await?;
    let case = again(tx, case, failure, verdict, is_ours.as_ref()).await?;
    // Our own attempt was counted when it was sent.
    if is_ours.is_none() {
        count(tx, failure, case.case_id()).await?;
    }
    mark_method(tx, failure, verdict).await?;
    let case = planning::replan(tx, config, case).await?;
    flow::wake(tx, case.case_id()).await?;
    Ok(case)
}

fn raw(failure: &RecordedFailure) -> RawDecline {
    RawDecline::of(&failure.decline, failure.network.as_deref())
}

/// The row of a case that nothing is planned for yet.
fn new(tx: &Tx, failure: &RecordedFailure, verdict: &Decline) -> Model {
    let now = tx.now();
    let owner = if failure.provider_retry_at.is_some() { Owner::Psp } else { Owner::Us };
    Model {
        id: CaseId::new(now).uuid(),
        org_id: tx.org().uuid(),
        transaction_id: failure.transaction.uuid(),
        reference: failure.reference.clone(),
        customer_id: failure.customer.map(CustomerId::uuid),
        state: CaseState::Detected.word().to_owned(),
        previous_state: None,
        class: verdict.class.word().to_owned(),
        hardness: verdict.hardness.word().to_owned(),
        is_retryable: verdict.hardness == Hardness::Soft,
        classification: json!(verdict),
        owner: owner.word().to_owned(),
        policy_version: Policy::builtin().version.clone(),
        amount_minor: failure.owed.minor,
        paid_minor: 0,
        reversed_minor: 0,
        currency: failure.owed.currency.code().to_owned(),
        failed_at: failure.failed_at.min(now),
        opened_at: now,
        deadline_at: planning::deadline(now),
        next_action_at: Some(now),
        next_kind: Some(StepKind::ReadBack.word().to_owned()),
        pause_until: None,
        floor_at: floor(failure, verdict),
        attempts_used: 0,
        misses: 1,
        read_backs: 0,
        last_failure_id: Some(failure.failure),
        method_id: failure.method.map(PaymentMethodId::uuid),
        hold_kind: None,
        hold_until: None,
        closed_at: None,
        explanation: json!(Explanation::default()),
        created_at: now,
        updated_at: now,
        version: 1,
    }
}

/// Says that a case was opened: to the auditor, to the other rooms, and in the story of the customer.
async fn tell(tx: &mut Tx, case: &Model, failure: &RecordedFailure, verdict: &Decline) -> Result<(), Failure> {
    let after = json!({ "ref": case.reference, "class": case.class, "hardness": case.hardness, "amount_minor": case.amount_minor });
    tx.audit(AuditLine::new("case.opened", "case", case.id).after(after)).await?;
    tx.emit(&CaseOpened {
        case: case.case_id(),
        transaction: failure.transaction,
        customer: failure.customer,
        amount: failure.owed,
        class: verdict.class,
        hardness: verdict.hardness,
    })
    .await?;
    let told = format!("A recovery case was opened for {}: {}", failure.owed, verdict.class.describe());
    note(tx, case, "case.opened", told).await
}

/// A further failure of the same obligation. What is over stays over, a report that came out of
/// order tells nothing new, and what a payer did in our checkout says nothing of the method on file.
async fn again(
    tx: &mut Tx,
    case: Model,
    failure: &RecordedFailure,
    verdict: &Decline,
    ours: Option<&attempts::Model>,
) -> Result<Model, Failure> {
    let case = match ours {
        Some(attempt) if matches!(attempt.state(), AttemptState::Submitted | AttemptState::Unknown) => {
            flow::attempt_declined(tx, case, attempt.clone(), verdict, failure.refs.obligation_key()).await?
        }
        _ => case,
    };
    if !case.state().is_open() {
        return Ok(case);
    }
    if failure.in_checkout {
        return Ok(case);
    }
    let is_known = ours.is_some() || case.last_failure_id == Some(failure.failure);
    let misses = case.misses + i32::from(!is_known);
    let floor_at = case.floor_at.max(floor(failure, verdict));
    if !failure.is_latest {
        return late(tx, case, failure, verdict, misses, floor_at).await;
    }
    let stays = is_stricter(&case, failure, verdict);
    let mut row = case.into_active_model();
    if !stays {
        row.class = Set(verdict.class.word().to_owned());
        row.hardness = Set(verdict.hardness.word().to_owned());
        row.classification = Set(json!(verdict));
    }
    row.method_id = Set(failure.method.map(PaymentMethodId::uuid));
    row.floor_at = Set(floor_at);
    row.misses = Set(misses);
    row.last_failure_id = Set(Some(failure.failure));
    // A provider that announces no further try of its own has handed the payment over.
    let owner = if failure.provider_retry_at.is_some() { Owner::Psp } else { Owner::Us };
    row.owner = Set(owner.word().to_owned());
    Ok(tx.update(row).await?)
}

/// A report that came after a later one. It is one miss more, it may have been the first, and a stricter
/// word about the same method holds as if it had come in its turn.
async fn late(
    tx: &mut Tx,
    case: Model,
    failure: &RecordedFailure,
    verdict: &Decline,
    misses: i32,
    floor_at: Option<At>,
) -> Result<Model, Failure> {
    let same_method = failure.method.is_none() || case.method_id == failure.method.map(PaymentMethodId::uuid);
    let is_stricter = same_method && verdict.hardness > case.hardness();
    let was_first = failure.failed_at < case.failed_at;
    let mut row = case.into_active_model();
    row.misses = Set(misses);
    row.floor_at = Set(floor_at);
    if was_first {
        row.failed_at = Set(failure.failed_at);
        row.is_retryable = Set(verdict.hardness == Hardness::Soft);
    }
    if is_stricter {
        row.class = Set(verdict.class.word().to_owned());
        row.hardness = Set(verdict.hardness.word().to_owned());
        row.classification = Set(json!(verdict));
    }
    Ok(tx.update(row).await?)
}

/// A case that is over began earlier than was known: it belongs to that day, and took longer.
pub(crate) async fn earlier(tx: &mut Tx, event: &EarlierFailureTold) -> Result<(), Failure> {
    let Some(case) = store::of_transaction(tx, event.transaction).await?.filter(|case| event.failed_at < case.failed_at) else {
        return Ok(());
    };
    let is_soft = classify(&RawDecline::of(&event.decline, None)).hardness == Hardness::Soft;
    outcomes::began_earlier(tx, &case, event.failed_at).await?;
    let mut row = case.into_active_model();
    row.failed_at = Set(event.failed_at);
    row.is_retryable = Set(is_soft);
    tx.update(row).await.map(drop).map_err(Failure::from)
}

/// Whether what was said before of the same method was stricter: a hard decline is not forgotten
/// because the next one is milder. Another method starts afresh.
fn is_stricter(case: &Model, failure: &RecordedFailure, verdict: &Decline) -> bool {
    let same_method = failure.method.is_none() || case.method_id == failure.method.map(PaymentMethodId::uuid);
    same_method && case.hardness() > verdict.hardness && case.last_failure_id != Some(failure.failure)
}

/// The attempt of ours that a report is about: by its mark, else by its time.
async fn echoed(tx: &mut Tx, case: &Model, failure: &RecordedFailure) -> Result<Option<attempts::Model>, Failure> {
    let attempts = attempts::of_case(tx, case.case_id()).await?;
    let marked = failure.attempt.as_deref().and_then(|text| text.parse::<AttemptId>().ok());
    let is_ours = |attempt: &attempts::Model| match marked {
        Some(marked) => attempt.attempt_id() == marked,
        None => attempt.submitted_at.is_some_and(|sent| {
            let ended = attempt.finished_at.unwrap_or(sent);
            sent - ECHO_TIME <= failure.failed_at && failure.failed_at <= ended + ECHO_TIME
        }),
    };
    Ok(attempts.into_iter().filter(|attempt| attempt.state() != AttemptState::Cancelled).rfind(is_ours))
}

/// No attempt before this: the advice that was given, or the provider's own next try.
fn floor(failure: &RecordedFailure, verdict: &Decline) -> Option<At> {
    let advised = verdict.earliest_retry_after_s.map(|seconds| failure.failed_at + Duration::seconds(seconds));
    advised.max(failure.provider_retry_at)
}

async fn count(tx: &mut Tx, failure: &RecordedFailure, case: CaseId) -> Result<(), Failure> {
    let Some(card) = card(failure) else { return Ok(()) };
    Ok(cards::count(tx, &card, failure.failed_at, format!("failure:{}", failure.failure), Some(case)).await?)
}

fn card(failure: &RecordedFailure) -> Option<String> {
    cards::key(failure.fingerprint.as_deref(), failure.token.as_deref())
}

/// The uses of the card that a first plan goes by, with the failure that is about to be counted. A plan
/// takes no place in the card's budget: whoever is about to charge asks again, alone.
async fn uses(tx: &mut Tx, failure: &RecordedFailure, obligation: &Obligation) -> Result<Vec<At>, Failure> {
    let Some(planned) = obligation.card() else { return Ok(Vec::new()) };
    let mut uses = cards::uses(tx, &planned).await?;
    if card(failure).is_some_and(|told| told == planned) {
        uses.push(failure.failed_at);
    }
    Ok(uses)
}

/// What the verdict says of the method itself, so that no other case uses it either. A wrong amount
/// or currency is no fault of the method. `false` when it says nothing.
async fn mark_method(tx: &mut Tx, failure: &RecordedFailure, verdict: &Decline) -> Result<bool, Failure> {
    let Some(method) = failure.method else { return Ok(false) };
    let state = match verdict.class {
        Class::WrongAccount | Class::LostStolen | Class::Revoked | Class::FraudRisk | Class::NetworkHard => MethodState::Blocked,
        // An older report says nothing of data that may have been mended since.
        Class::StaleCredentials if failure.is_latest => MethodState::Stale,
        _ => return Ok(false),
    };
    methods::mark(tx, method, state, verdict.class.describe()).await?;
    Ok(true)
}
