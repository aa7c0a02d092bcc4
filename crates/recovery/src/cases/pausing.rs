//! Stopping a case by hand, and letting it go on.

use ::store::{AuditLine, Tx};
use kernel::{CaseId, Failed, Failure};
use sea_orm::ActiveValue::Set;
use sea_orm::IntoActiveModel as _;
use serde_json::json;

use super::{CaseFault, CaseState, Model, actions, note, planning};
use crate::policy::StepKind;
use crate::settings::RecoveryConfig;
use crate::{alerts, attempts, flow, messages};

type Result<T, E = Failed<CaseFault>> = std::result::Result<T, E>;

/// Stops a case: nothing is tried and nobody is written to until it is resumed; the deadline stays.
/// Pausing twice changes nothing.
///
/// 404 `case_not_found`, 409 `case_busy` while an attempt or a checkout is open, 409 `case_closed`.
pub async fn pause(tx: &mut Tx, id: CaseId) -> Result<Model> {
    let case = open_case(tx, id).await?;
    match case.state() {
        CaseState::Paused => return Ok(case),
        CaseState::InFlight | CaseState::SyncPending | CaseState::CustomerPaying => return Err(CaseFault::Busy.into()),
        _ => {}
    }
    let case = stop(tx, case, "Somebody paused this case.").await?;
    tell(tx, &case, "case.paused", "The recovery was paused").await?;
    Ok(case)
}

/// Stops a case that a person has to look at, until somebody lets it go on. While an attempt or a
/// checkout is open only its letters are: what was sent cannot be stopped. The mark on the case stays,
/// and [`stop_if_alerted`] stops it as soon as the slot is free.
pub(crate) async fn stop_for_person(tx: &mut Tx, case: Model) -> Result<Model, Failure> {
    messages::withdraw_queued(tx, case.case_id(), "a person has to look first").await?;
    if !case.state().is_planned() {
        return Ok(case);
    }
    let case = stop(tx, case, "Stopped until somebody has looked at the money that arrived.").await?;
    tell(tx, &case, "case.paused", "The recovery was stopped until somebody has looked").await.map_err(Failed::into_failure)?;
    Ok(case)
}

/// Asked before each step and each plan: the alert may have come while somebody held the slot.
pub(crate) async fn stop_if_alerted(tx: &mut Tx, case: Model) -> Result<Model, Failure> {
    if alerts::stops(tx, case.id).await? { stop_for_person(tx, case).await } else { Ok(case) }
}

/// Takes back what is planned; the deadline stays.
async fn stop(tx: &mut Tx, case: Model, why: &str) -> Result<Model, Failure> {
    let id = case.case_id();
    attempts::cancel_planned(tx, id, why).await?;
    messages::skip_planned(tx, id, why).await?;
    let state = case.state().step(CaseState::Paused).map_err(Failure::internal)?;
    let (before, deadline) = (case.state.clone(), case.deadline_at);
    let mut row = case.into_active_model();
    row.state = Set(state.word().to_owned());
    row.previous_state = Set(Some(before));
    row.next_action_at = Set(Some(deadline));
    row.next_kind = Set(Some(StepKind::GiveUp.word().to_owned()));
    row.explanation = Set(json!({ "summary": why, "policy": "", "factors": [], "clamped_by": [] }));
    Ok(tx.update(row).await?)
}

/// Lets a paused case go on from where it was, with a new plan: whoever does has looked at the money
/// that stopped it. Resuming one that runs changes nothing.
///
/// 404 `case_not_found`, 409 `case_closed`.
pub async fn resume(tx: &mut Tx, config: &RecoveryConfig, id: CaseId) -> Result<Model> {
    let case = open_case(tx, id).await?;
    if case.state() != CaseState::Paused {
        return Ok(case);
    }
    alerts::looked_at(tx, case.id).await?;
    let case = back(tx, case).await?;
    tell(tx, &case, "case.resumed", "The recovery goes on").await?;
    let case = planning::replan(tx, config, case).await?;
    flow::wake(tx, id).await?;
    Ok(case)
}

/// A case goes back to where it was; one that was only just detected goes on as a waiting one.
pub(super) async fn back(tx: &mut Tx, case: Model) -> Result<Model, Failure> {
    let back = if case.previous() == CaseState::Detected { CaseState::Waiting } else { case.previous() };
    let state = case.state().step(back).map_err(Failure::internal)?;
    let mut row = case.into_active_model();
    row.state = Set(state.word().to_owned());
    row.previous_state = Set(None);
    Ok(tx.update(row).await?)
}

async fn open_case(tx: &mut Tx, id: CaseId) -> Result<Model> {
    let case = actions::locked(tx, id).await?.ok_or(CaseFault::NotFound)?;
    if case.state().is_open() { Ok(case) } else { Err(CaseFault::Closed.into()) }
}

async fn tell(tx: &mut Tx, case: &Model, kind: &'static str, text: &str) -> Result<()> {
    tx.audit(AuditLine::new(kind, "case", case.id).after(json!({ "state": case.state }))).await?;
    Ok(note(tx, case, kind, text.to_owned()).await?)
}
