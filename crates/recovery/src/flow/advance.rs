//! One step of a case.

use chrono::TimeDelta;
use host::Work;
use kernel::{At, AttemptId, CaseId, Failure};

use super::{ask, charge, heap, paying, resolve, write};
use crate::attempts::{self, AttemptState};
use crate::cases::{self, CaseState, Model, PART};
use crate::policy::StepKind;
use crate::settings::RecoveryConfig;

/// How long a worker is trusted to be at an attempt: a provider's slowest answer, several times over.
pub(super) const LEASE: TimeDelta = TimeDelta::minutes(5);
/// The shortest way to the next step.
const SOON: TimeDelta = TimeDelta::seconds(1);
/// When to look again at a case that has no instant of its own.
const LOOK_AGAIN: TimeDelta = TimeDelta::hours(6);
/// How long the result of an attempt is asked for after its case has ended: the slowest bank debit
/// is settled or returned by then, and a later report of the provider is still recorded.
const ASKED_FOR: TimeDelta = TimeDelta::days(30);

/// What is due.
enum Due {
    Ended,
    NotBefore(At),
    Charge,
    Resolve,
    Paying,
    Write,
    Ask,
}

/// Takes the step that is due, if one is, and says when to come again.
pub(super) async fn advance(work: Work, id: CaseId) -> Result<Option<At>, Failure> {
    let config = work.core.parts.get::<RecoveryConfig>();
    match due(&work, id).await? {
        Due::Ended => return Ok(None),
        Due::NotBefore(at) => return Ok(Some(at)),
        Due::Charge => heap(|| charge::charge(&work, &config, id)).await?,
        Due::Resolve => heap(|| resolve::resolve(&work, &config, id)).await?,
        Due::Paying => heap(|| paying::settle(&work, &config, id)).await?,
        Due::Write => heap(|| write::write(&work, &config, id)).await?,
        Due::Ask => heap(|| ask::ask(&work, &config, id)).await?,
    }
    come_again(&work, id).await
}

/// Looks at the row. What needs no provider is done at once.
async fn due(work: &Work, id: CaseId) -> Result<Due, Failure> {
    let mut tx = work.begin(PART).await?;
    let Some(case) = cases::locked(&mut tx, id).await? else { return Ok(Due::Ended) };
    let now = tx.now();
    if !case.state().is_open() {
        return Ok(match left_open(&mut tx, id).await? {
            Some(at) if at <= now => Due::Resolve,
            Some(at) => Due::NotBefore(at),
            None => Due::Ended,
        });
    }
    if !case.is_due(now) {
        return Ok(Due::NotBefore(when(&case, now)));
    }
    if matches!(case.state(), CaseState::InFlight | CaseState::SyncPending) {
        // The lease may be longer than the row says: another worker is still at it.
        let lease = attempts::open_of_case(&mut tx, id).await?.and_then(|open| open.claimed_until).filter(|until| *until > now);
        return Ok(match lease {
            Some(until) => Due::NotBefore(until),
            None if now < case.deadline_at => Due::Resolve,
            None => give_up(tx, case).await?,
        });
    }
    if case.state() == CaseState::CustomerPaying {
        return Ok(Due::Paying);
    }
    Ok(match case.next_kind() {
        Some(StepKind::Retry) => Due::Charge,
        Some(StepKind::Message) => Due::Write,
        Some(StepKind::ReadBack) => Due::Ask,
        Some(StepKind::GiveUp) | None => give_up(tx, case).await?,
    })
}

/// When to ask what became of an attempt that was still under way when its case ended: what may have
/// been sent is never forgotten.
async fn left_open(tx: &mut ::store::Tx, id: CaseId) -> Result<Option<At>, Failure> {
    let now = tx.now();
    let open = attempts::open_of_case(tx, id).await?.filter(|open| open.state() != AttemptState::Claimed);
    let asked_for = open.filter(|open| now - open.submitted_at.unwrap_or(open.created_at) < ASKED_FOR);
    Ok(asked_for.map(|open| open.claimed_until.unwrap_or(now)))
}

async fn give_up(mut tx: ::store::Tx, case: Model) -> Result<Due, Failure> {
    let (id, now) = (case.case_id(), tx.now());
    cases::give_up(&mut tx, case).await?;
    let left = left_open(&mut tx, id).await?;
    tx.commit().await?;
    Ok(left.map_or(Due::Ended, |at| Due::NotBefore(at.max(now + SOON))))
}

/// The instant at which the row wants to be looked at.
fn when(case: &Model, now: At) -> At {
    case.next_action_at.unwrap_or(now + LOOK_AGAIN)
}

/// When the row wants to be looked at after the step. Never this instant: a step that changed
/// nothing must not be repeated without end.
async fn come_again(work: &Work, id: CaseId) -> Result<Option<At>, Failure> {
    let mut tx = work.begin(PART).await?;
    let Some(case) = cases::locked(&mut tx, id).await? else { return Ok(None) };
    let now = tx.now();
    let at = if case.state().is_open() { Some(when(&case, now)) } else { left_open(&mut tx, id).await? };
    Ok(at.map(|at| at.max(now + SOON)))
}

/// The attempt of a case, if it is still the one that was reserved.
pub(super) async fn held(tx: &mut ::store::Tx, case: CaseId, attempt: AttemptId) -> Result<Option<(Model, attempts::Model)>, Failure> {
    let Some(row) = cases::locked(tx, case).await? else { return Ok(None) };
    let attempt = attempts::by_id(tx, attempt).await?.filter(|attempt| attempt.case_id == row.id);
    Ok(attempt.map(|attempt| (row, attempt)))
}
