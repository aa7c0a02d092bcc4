//! Cases as lines of a table.

use std::collections::HashMap;

use ::store::Tx;
use console::{Badge, When};
use kernel::{CaseId, CustomerId, Failed, Failure, Money};

use super::words;
use crate::alerts;
use crate::cases::Model;

/// One line.
pub(super) struct CaseRow {
    pub id: CaseId,
    pub customer: String,
    pub reference: String,
    pub amount: Money,
    pub why: &'static str,
    pub state: Badge<'static>,
    /// A person has to look at it.
    pub attention: Option<Badge<'static>>,
    pub failed: When,
    /// What happens next, and when.
    pub next: Option<(&'static str, When)>,
}

/// Lines with the customers' names, which are read at once.
pub(super) async fn rows(tx: &mut Tx, cases: &[Model]) -> Result<Vec<CaseRow>, Failure> {
    let ids: Vec<CustomerId> = cases.iter().filter_map(|case| case.customer_id.map(CustomerId::from)).collect();
    let customers = crm::customers::find_many(tx, &ids).await.map_err(Failed::into_failure)?;
    let names: HashMap<_, _> = customers.into_iter().map(|customer| (customer.id, customer.name)).collect();
    let name = |case: &Model| case.customer_id.and_then(|id| names.get(&id).cloned()).unwrap_or_else(|| "Unknown payer".to_owned());
    let alerted = alerts::open_of_cases(tx, cases.iter().map(|case| case.id).collect()).await?;
    Ok(cases.iter().map(|case| CaseRow::of(case, name(case), alerted.contains(&case.id))).collect())
}

impl CaseRow {
    pub fn of(case: &Model, customer: String, is_alerted: bool) -> Self {
        let next = case.next_kind().zip(case.next_action_at).filter(|_| case.state().is_open());
        Self {
            id: case.case_id(),
            customer,
            reference: case.reference.clone(),
            amount: case.due(),
            why: case.class().describe(),
            state: words::state(case.state()),
            attention: is_alerted.then_some(words::ATTENTION),
            failed: When(case.failed_at),
            next: next.map(|(kind, at)| (words::next(kind), When(at))),
        }
    }
}
