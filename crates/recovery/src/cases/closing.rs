//! How a case ends, and what ends with it.

use ::store::{AuditLine, Tx};
use billing::links;
use kernel::{CustomerId, Failure, Money};
use sea_orm::ActiveValue::Set;
use sea_orm::IntoActiveModel as _;
use serde_json::json;

use super::events::CaseClosed;
use super::{CaseState, Model, note};
use crate::attempts::{self, AttemptState};
use crate::classify::Hardness;
use crate::outcomes::{self, Credit};
use crate::policy::Explanation;
use crate::{flow, messages};

/// What a case ends with.
pub(crate) struct Ending {
    pub state: CaseState,
    /// What came back with this ending.
    pub amount: Money,
    pub credit: Option<Credit>,
    /// One sentence for people.
    pub why: String,
}

/// Ends a case: everything that was planned is taken back in the same transaction.
pub(crate) async fn close(tx: &mut Tx, case: Model, ending: Ending) -> Result<Model, Failure> {
    let state = case.state().step(ending.state).map_err(Failure::internal)?;
    let id = case.case_id();
    withdraw(tx, &case, &ending.why).await?;
    outcomes::record(tx, &case, state, ending.amount, ending.credit).await?;
    let before = json!({ "state": case.state });
    let paid = case.paid_minor.saturating_add(ending.amount.minor);
    let now = tx.now();
    let explanation = Explanation { summary: ending.why.clone(), policy: case.policy_version.clone(), ..Explanation::default() };
    let mut row = case.into_active_model();
    row.state = Set(state.word().to_owned());
    row.previous_state = Set(None);
    row.paid_minor = Set(paid);
    row.next_action_at = Set(None);
    row.next_kind = Set(None);
    row.hold_kind = Set(None);
    row.hold_until = Set(None);
    row.closed_at = Set(Some(now));
    row.explanation = Set(json!(explanation));
    let case = tx.update(row).await?;
    tx.audit(AuditLine::new("case.closed", "case", case.id).before(before).after(json!({ "state": case.state, "why": ending.why })))
        .await?;
    tell(tx, &case, ending.amount, ending.credit).await?;
    note(tx, &case, "case.closed", ending.why).await?;
    flow::wake(tx, id).await?;
    Ok(case)
}

pub(super) async fn tell(tx: &mut Tx, case: &Model, recovered: Money, credit: Option<Credit>) -> Result<(), Failure> {
    let event = CaseClosed {
        case: case.case_id(),
        transaction: case.transaction(),
        customer: case.customer_id.map(CustomerId::from),
        state: case.state(),
        recovered,
        mechanism: credit.map(|credit| credit.mechanism),
    };
    tx.emit(&event).await.map(drop)
}

/// Takes back what is planned, what is claimed but not sent, and the mails that still wait; what was
/// sent stays, because it happened. Links stop working.
async fn withdraw(tx: &mut Tx, case: &Model, why: &str) -> Result<(), Failure> {
    let id = case.case_id();
    attempts::cancel_planned(tx, id, why).await?;
    if let Some(open) = attempts::open_of_case(tx, id).await?.filter(|open| open.state() == AttemptState::Claimed) {
        attempts::change(tx, open, AttemptState::Cancelled, |_| {}).await?;
    }
    messages::skip_planned(tx, id, why).await?;
    messages::withdraw_queued(tx, id, why).await?;
    links::revoke_all(tx, case.transaction()).await.map(drop)
}

/// The deadline has come: nothing that was tried has helped, or nothing could be tried.
pub(crate) async fn give_up(tx: &mut Tx, case: Model) -> Result<Model, Failure> {
    let tried = case.hardness() == Hardness::Soft || case.attempts_used > 0;
    let (state, why) = if tried {
        (CaseState::Exhausted, "Everything that the policy allows was tried, and it was not paid.")
    } else {
        (CaseState::NotRecoverable, "The method could not be charged again, and the payer did not pay.")
    };
    let amount = Money::new(0, case.currency());
    close(tx, case, Ending { state, amount, credit: None, why: why.to_owned() }).await
}
