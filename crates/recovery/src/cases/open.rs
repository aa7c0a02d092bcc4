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

use super::case::ActiveModel;
use super::events::CaseOpened;
use super::{CaseState, Model, note, planning, store};
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
    let known = store::of_transaction(tx, failure.transaction).await?;
    let is_ours = match &known {
        Some(case) => echoed(tx, case, failure).await?,
        None => None,
    };
    let is_new = known.is_none();
    let case = match known {
        None => open(tx, failure, &verdict).await?,
        Some(case) => again(tx, case, failure, &verdict, is_ours.as_ref()).await?,
    };
    // Our own attempt was counted when it was sent.
    if is_ours.is_none() {
        count(tx, failure, case.case_id()).await?;
    }
    mark_method(tx, failure, &verdict).await?;
    let case = if is_new { planning::plan_first(tx, config, case).await? } else { planning::replan(tx, config, case).await? };
    if is_new {
        flow::start(tx, case.case_id()).await?;
    } else {
        flow::wake(tx, case.case_id()).await?;
    }
    Ok(Opened { case_id: case.case_id(), classification: json!(verdict) })
}

fn raw(failure: &RecordedFailure) -> RawDecline {
    RawDecline::of(&failure.decline, failure.network.as_deref())
}

/// A case for an obligation that has none.
async fn open(tx: &mut Tx, failure: &RecordedFailure, verdict: &Decline) -> Result<Model, Failure> {
    let now = tx.now();
    let id = CaseId::new(now);
    let failed_at = failure.failed_at.min(now);
    let policy = Policy::builtin();
    let owner = if failure.provider_retry_at.is_some() { Owner::Psp } else { Owner::Us };
    let row = ActiveModel {
        id: Set(id.uuid()),
        transaction_id: Set(failure.transaction.uuid()),
        reference: Set(failure.reference.clone()),
        customer_id: Set(failure.customer.map(CustomerId::uuid)),
        state: Set(CaseState::Detected.word().to_owned()),
        previous_state: Set(None),
        class: Set(verdict.class.word().to_owned()),
        hardness: Set(verdict.hardness.word().to_owned()),
        is_retryable: Set(verdict.hardness == Hardness::Soft),
        classification: Set(json!(verdict)),
        owner: Set(owner.word().to_owned()),
        policy_version: Set(policy.version.clone()),
        amount_minor: Set(failure.owed.minor),
        paid_minor: Set(0),
        reversed_minor: Set(0),
        currency: Set(failure.owed.currency.code().to_owned()),
        failed_at: Set(failed_at),
        opened_at: Set(now),
        deadline_at: Set(planning::deadline(now)),
        next_action_at: Set(Some(now)),
        next_kind: Set(Some(StepKind::ReadBack.word().to_owned())),
        pause_until: Set(None),
        floor_at: Set(floor(failure, verdict)),
        attempts_used: Set(0),
        misses: Set(1),
        read_backs: Set(0),
        last_failure_id: Set(Some(failure.failure)),
        method_id: Set(failure.method.map(PaymentMethodId::uuid)),
        hold_kind: Set(None),
        hold_until: Set(None),
        closed_at: Set(None),
        explanation: Set(json!(Explanation::default())),
        ..Default::default()
    };
    let case = tx.insert(row).await?;
    let after = json!({ "ref": case.reference, "class": case.class, "hardness": case.hardness, "amount_minor": case.amount_minor });
    tx.audit(AuditLine::new("case.opened", "case", case.id).after(after)).await?;
    tx.emit(&CaseOpened {
        case: id,
        transaction: failure.transaction,
        customer: failure.customer,
        amount: failure.owed,
        class: verdict.class,
        hardness: verdict.hardness,
    })
    .await?;
    let told = format!("A recovery case was opened for {}: {}", failure.owed, verdict.class.describe());
    note(tx, &case, "case.opened", told).await?;
    Ok(case)
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
    let Some(card) = cards::key(failure.fingerprint.as_deref(), failure.token.as_deref()) else { return Ok(()) };
    Ok(cards::count(tx, &card, failure.failed_at, format!("failure:{}", failure.failure), Some(case)).await?)
}

/// What the verdict says of the method itself, so that no other case uses it either. A wrong amount
/// or currency is no fault of the method.
async fn mark_method(tx: &mut Tx, failure: &RecordedFailure, verdict: &Decline) -> Result<(), Failure> {
    let Some(method) = failure.method else { return Ok(()) };
    let state = match verdict.class {
        Class::WrongAccount | Class::LostStolen | Class::Revoked | Class::FraudRisk | Class::NetworkHard => MethodState::Blocked,
        // An older report says nothing of data that may have been mended since.
        Class::StaleCredentials if failure.is_latest => MethodState::Stale,
        _ => return Ok(()),
    };
    methods::mark(tx, method, state, verdict.class.describe()).await
}
