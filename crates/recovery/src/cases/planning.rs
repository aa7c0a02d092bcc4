//! From a case's rows to the planner and back.

use ::store::Tx;
use chrono::Duration;
use kernel::{At, Failure};
use sea_orm::ActiveValue::Set;
use sea_orm::IntoActiveModel as _;
use serde_json::json;

use super::obligation::Obligation;
use super::{CaseState, Model, pausing};
use crate::attempts::{self, AttemptState};
use crate::classify::{Class, Hardness};
use crate::policy::{self, Budget, Facts, History, Hold, Owner, Plan, Policy};
use crate::settings::RecoveryConfig;
use crate::{cards, messages};

/// What the planner said of a case, and what it was said about.
pub(crate) struct Planned {
    pub obligation: Obligation,
    pub plan: Plan,
}

/// Asks the planner, without writing anything but the lock on the card's count.
pub(crate) async fn ask(tx: &mut Tx, config: &RecoveryConfig, case: &Model) -> Result<Planned, Failure> {
    let obligation = Obligation::read(tx, case).await?;
    let history = history(tx, case, &obligation).await?;
    let letters_from = match obligation.contact() {
        Some(to) => messages::room_from(tx, &to).await?,
        None => None,
    };
    let facts = Facts { letters_from, ..facts(config, case, &obligation) };
    Ok(planned(tx.now(), &facts, case, obligation, &history))
}

fn planned(now: At, facts: &Facts, case: &Model, obligation: Obligation, history: &History) -> Planned {
    Planned { plan: policy::plan(facts, Policy::builtin(), history, now, seed(case)), obligation }
}

/// Plans a case that is about to be inserted, and gives it with its plan. Nothing was done or planned for
/// it, so nothing of it is asked for. `card` are the uses of its card, the failure's own among them.
/// Whether its payer may be written to is asked when a letter is due.
pub(super) fn plan_first(
    now: At,
    config: &RecoveryConfig,
    mut case: Model,
    obligation: Obligation,
    card: Vec<At>,
) -> Result<(Model, Planned), Failure> {
    let misses = u32::try_from(case.misses).unwrap_or(0);
    let history = History { misses, card, ..History::default() };
    let facts = facts(config, &case, &obligation);
    let planned = planned(now, &facts, &case, obligation, &history);
    let next = Next::of(&case, &planned.plan)?;
    case.state = next.state;
    case.next_action_at = next.at;
    case.next_kind = next.kind;
    case.hold_kind = next.hold_kind;
    case.hold_until = next.hold_until;
    case.explanation = next.explanation;
    Ok((case, planned))
}

/// Writes the first attempt and the first message of a case that was inserted with its plan.
pub(super) async fn write_first(tx: &mut Tx, case: &Model, planned: &Planned) -> Result<(), Failure> {
    let Planned { obligation, plan } = planned;
    if let Some(at) = plan.retry_at {
        attempts::plan_first(tx, case.case_id(), at, &obligation.amounts(), &plan.explanation.summary).await?;
    }
    if let Some(at) = plan.message_at {
        messages::plan_first(tx, case, at).await?;
    }
    Ok(())
}

/// Plans the next step of an open case anew and writes it down: the case's next action, the planned
/// attempt and the planned message. A case whose slot is held stays as it is, and one that a person has
/// to look at is stopped.
pub(crate) async fn replan(tx: &mut Tx, config: &RecoveryConfig, case: Model) -> Result<Model, Failure> {
    if !case.state().is_planned() {
        return Ok(case);
    }
    let case = pausing::stop_if_alerted(tx, case).await?;
    if !case.state().is_planned() {
        return Ok(case);
    }
    let planned = ask(tx, config, &case).await?;
    write(tx, case, planned).await
}

/// Writes a plan down.
pub(crate) async fn write(tx: &mut Tx, case: Model, planned: Planned) -> Result<Model, Failure> {
    let Planned { obligation, plan } = planned;
    let id = case.case_id();
    match plan.retry_at {
        Some(at) => drop(attempts::plan(tx, id, at, &obligation.amounts(), &plan.explanation.summary).await?),
        None => attempts::cancel_planned(tx, id, "no attempt is possible any more").await?,
    }
    match plan.message_at {
        Some(at) => messages::plan(tx, &case, at).await?,
        None => messages::skip_planned(tx, id, "no message is possible any more").await?,
    }
    write_next(tx, case, &plan).await
}

/// What the case itself says of its plan.
async fn write_next(tx: &mut Tx, case: Model, plan: &Plan) -> Result<Model, Failure> {
    let next = Next::of(&case, plan)?;
    let mut row = case.into_active_model();
    row.state = Set(next.state);
    row.next_action_at = Set(next.at);
    row.next_kind = Set(next.kind);
    row.hold_kind = Set(next.hold_kind);
    row.hold_until = Set(next.hold_until);
    row.explanation = Set(next.explanation);
    Ok(tx.update(row).await?)
}

/// The columns of a case that say its plan.
struct Next {
    state: String,
    at: Option<At>,
    kind: Option<String>,
    hold_kind: Option<String>,
    hold_until: Option<At>,
    explanation: serde_json::Value,
}

impl Next {
    fn of(case: &Model, plan: &Plan) -> Result<Self, Failure> {
        let state = case.state().step(resting(case, plan)).map_err(Failure::internal)?;
        Ok(Self {
            state: state.word().to_owned(),
            at: Some(plan.next.at.min(case.deadline_at)),
            kind: Some(plan.next.kind.word().to_owned()),
            hold_kind: plan.hold.map(|hold| hold.word().to_owned()),
            hold_until: plan.hold.map(|_| case.deadline_at),
            explanation: json!(plan.explanation),
        })
    }
}

/// Where a case rests until its next step.
fn resting(case: &Model, plan: &Plan) -> CaseState {
    match (plan.hold, plan.retry_at) {
        (Some(Hold::NoConnection | Hold::ManualReview | Hold::ProviderRetries), _) => CaseState::Waiting,
        (_, Some(_)) => CaseState::Scheduled,
        _ if case.owner() != Owner::Us => CaseState::Waiting,
        _ if case.hardness() == Hardness::Stop => CaseState::Waiting,
        _ if case.hardness() == Hardness::Soft && plan.message_at.is_some() => CaseState::Scheduled,
        _ => CaseState::ActionRequired,
    }
}

fn facts(config: &RecoveryConfig, case: &Model, obligation: &Obligation) -> Facts {
    Facts {
        class: case.class(),
        hardness: case.hardness(),
        owner: case.owner(),
        opened_at: case.failed_at,
        deadline_at: case.deadline_at,
        floor_at: case.floor_at.max(case.pause_until),
        renewed_at: renewed_at(case, obligation),
        zone: obligation.zone(),
        can_charge: obligation.can_charge(),
        is_connected: obligation.is_connected(),
        has_contact: obligation.contact().is_some(),
        letters_from: None,
        link_allowed: case.verdict().is_none_or(|verdict| verdict.link_allowed),
        budget: Budget::of(obligation.network(), obligation.country(), config.card_attempts_30d_max),
    }
}

/// A stale method is tried only after it got new data, and that is what changed it last.
fn renewed_at(case: &Model, obligation: &Obligation) -> Option<At> {
    let is_renewed = case.class() == Class::StaleCredentials && case.hardness() == Hardness::Soft;
    obligation.method.as_ref().filter(|_| is_renewed).map(|method| method.updated_at)
}

/// The uses of the card that the networks still count.
async fn uses(tx: &mut Tx, obligation: &Obligation) -> Result<Vec<At>, Failure> {
    match obligation.card() {
        Some(card) => Ok(cards::locked_uses(tx, &card).await?),
        None => Ok(Vec::new()),
    }
}

async fn history(tx: &mut Tx, case: &Model, obligation: &Obligation) -> Result<History, Failure> {
    let id = case.case_id();
    let attempts = attempts::of_case(tx, id).await?;
    let retries = attempts.iter().filter(|row| row.state() != AttemptState::Cancelled).filter_map(|row| row.submitted_at).collect();
    let card = uses(tx, obligation).await?;
    Ok(History {
        retries,
        misses: u32::try_from(case.misses).unwrap_or(0),
        messages: messages::written_at(tx, id).await?,
        read_backs: u32::try_from(case.read_backs).unwrap_or(0),
        card,
    })
}

/// The low half of the case's id: chance enough to spread, the same for ever.
fn seed(case: &Model) -> u64 {
    case.id.as_u64_pair().1
}

/// The deadline of a case that is opened now.
pub(crate) fn deadline(now: At) -> At {
    now + Duration::days(i64::from(Policy::builtin().horizon_days))
}
