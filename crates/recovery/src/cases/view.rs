//! What a case looks like on the wire.

use std::collections::HashMap;

use ::store::{StoreError, Tx};
use kernel::{At, AttemptId, CaseId, CustomerId, LinkId, Money, TransactionId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{CaseState, Model};
use crate::alerts::{self, AlertView};
use crate::attempts::{self, AttemptState};
use crate::classify::{Class, Decline, Hardness};
use crate::messages::{self, MessageState, Template};
use crate::outcomes::{self, Mechanism};
use crate::policy::{Explanation, Hold, Owner, StepKind};

/// A recovery case.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CaseView {
    pub id: CaseId,
    /// The provider's name of the obligation.
    #[serde(rename = "ref")]
    pub reference: String,
    pub transaction_id: TransactionId,
    pub state: CaseState,
    pub class: Class,
    pub hardness: Hardness,
    /// What was due when the case was opened.
    pub amount: Money,
    pub paid: Money,
    pub customer_id: Option<CustomerId>,
    pub owner: Owner,
    /// Why the case waits for somebody, if it does.
    pub hold: Option<Hold>,
    #[schema(value_type = String, format = DateTime)]
    pub failed_at: At,
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: At,
    #[schema(value_type = String, format = DateTime)]
    pub deadline_at: At,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_action_at: Option<At>,
    pub next_action: Option<StepKind>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub closed_at: Option<At>,
    pub attempts_used: i32,
    pub attempts: Vec<AttemptView>,
    pub messages: Vec<MessageView>,
    pub outcome: Option<OutcomeView>,
    /// What a person has to look at, or had to; oldest first.
    pub alerts: Vec<AlertView>,
    /// The verdict on the latest decline.
    pub classification: Option<Decline>,
    pub policy_version: String,
    pub explanation: Explanation,
    pub version: i32,
}

/// One try to collect.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AttemptView {
    pub id: AttemptId,
    pub kind: String,
    pub state: AttemptState,
    pub amount: Money,
    #[schema(value_type = String, format = DateTime)]
    pub planned_for: At,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub submitted_at: Option<At>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<At>,
    pub decline: Option<Decline>,
    pub reason: String,
}

/// One message to the payer.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MessageView {
    /// Whose recovery message it is, in order of writing.
    pub number: i32,
    pub channel: String,
    pub template: Template,
    pub state: MessageState,
    #[schema(value_type = String, format = DateTime)]
    pub planned_for: At,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub queued_at: Option<At>,
    pub skip_reason: Option<String>,
}

/// How it ended.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OutcomeView {
    pub kind: CaseState,
    pub amount: Money,
    #[schema(value_type = String, format = DateTime)]
    pub at: At,
    /// What brought the money: exactly one.
    pub mechanism: Option<Mechanism>,
    pub attempt_id: Option<AttemptId>,
    pub link_id: Option<LinkId>,
    pub reversed_minor: i64,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub reversed_at: Option<At>,
}

/// Views of cases with what belongs to them, read in four queries however many cases there are.
pub(crate) async fn views(tx: &mut Tx, cases: Vec<Model>) -> Result<Vec<CaseView>, StoreError> {
    let ids: Vec<Uuid> = cases.iter().map(|case| case.id).collect();
    let mut attempts = grouped(attempts::of_cases(tx, ids.clone()).await?, |row| row.case_id);
    let mut messages = grouped(messages::of_cases(tx, ids.clone()).await?, |row| row.case_id);
    let mut outcomes = grouped(outcomes::of_cases(tx, ids.clone()).await?, |row| row.case_id);
    let mut alerts = grouped(alerts::of_cases(tx, ids).await?, |row| row.case_id);
    let view = |case: Model| {
        let mut view = CaseView::bare(&case);
        view.attempts = attempts.remove(&case.id).unwrap_or_default().into_iter().map(AttemptView::from).collect();
        view.messages = messages.remove(&case.id).unwrap_or_default().into_iter().map(MessageView::from).collect();
        view.alerts = alerts.remove(&case.id).unwrap_or_default().into_iter().map(AlertView::from).collect();
        view.outcome = outcomes.remove(&case.id).unwrap_or_default().into_iter().next().map(OutcomeView::from);
        view
    };
    Ok(cases.into_iter().map(view).collect())
}

/// The view of one case.
pub(crate) async fn view(tx: &mut Tx, case: Model) -> Result<CaseView, StoreError> {
    let mut views = views(tx, vec![case]).await?;
    Ok(views.remove(0))
}

fn grouped<T>(rows: Vec<T>, case: impl Fn(&T) -> Uuid) -> HashMap<Uuid, Vec<T>> {
    let mut groups: HashMap<Uuid, Vec<T>> = HashMap::new();
    for row in rows {
        groups.entry(case(&row)).or_default().push(row);
    }
    groups
}

impl CaseView {
    fn bare(case: &Model) -> Self {
        Self {
            id: case.case_id(),
            reference: case.reference.clone(),
            transaction_id: case.transaction(),
            state: case.state(),
            class: case.class(),
            hardness: case.hardness(),
            amount: case.due(),
            paid: Money::new(case.paid_minor, case.currency()),
            customer_id: case.customer_id.map(CustomerId::from),
            owner: case.owner(),
            hold: case.hold(),
            failed_at: case.failed_at,
            opened_at: case.opened_at,
            deadline_at: case.deadline_at,
            next_action_at: case.next_action_at,
            next_action: case.next_kind(),
            closed_at: case.closed_at,
            attempts_used: case.attempts_used,
            attempts: Vec::new(),
            messages: Vec::new(),
            outcome: None,
            alerts: Vec::new(),
            classification: case.verdict(),
            policy_version: case.policy_version.clone(),
            explanation: case.explanation(),
            version: case.version,
        }
    }
}

impl From<attempts::Model> for AttemptView {
    fn from(row: attempts::Model) -> Self {
        Self {
            id: row.attempt_id(),
            state: row.state(),
            amount: row.amount(),
            decline: row.verdict(),
            kind: row.kind,
            planned_for: row.planned_for,
            submitted_at: row.submitted_at,
            finished_at: row.finished_at,
            reason: row.reason,
        }
    }
}

impl From<messages::Model> for MessageView {
    fn from(row: messages::Model) -> Self {
        Self {
            state: row.state(),
            template: row.template(),
            number: row.number,
            channel: row.channel,
            planned_for: row.planned_for,
            queued_at: row.queued_at,
            skip_reason: row.skip_reason,
        }
    }
}

impl From<outcomes::Model> for OutcomeView {
    fn from(row: outcomes::Model) -> Self {
        Self {
            kind: row.kind(),
            amount: row.amount(),
            mechanism: row.mechanism(),
            attempt_id: row.attempt(),
            link_id: row.link(),
            at: row.at,
            reversed_minor: row.reversed_minor,
            reversed_at: row.reversed_at,
        }
    }
}
