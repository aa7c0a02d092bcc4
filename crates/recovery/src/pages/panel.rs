//! The panel on a customer's page: the failed payments of this customer.

use ::store::Tx;
use askama::Template;
use kernel::{CustomerId, Failure};
use web::Ctx;

use super::row::CaseRow;
use crate::permissions::CASES_READ;
use crate::{alerts, cases};

/// The newest cases; the rest is in the list.
const ROWS: u64 = 5;

#[derive(Template)]
#[template(path = "panel.html")]
struct CasesPanel<'a> {
    rows: &'a [CaseRow],
}

/// Nothing for whoever may not see cases, and nothing when there is none.
pub(super) async fn panel(ctx: &Ctx, tx: &mut Tx, customer: CustomerId) -> Result<String, Failure> {
    if !ctx.can(CASES_READ) {
        return Ok(String::new());
    }
    let cases = cases::of_customer(tx, customer, ROWS).await?;
    if cases.is_empty() {
        return Ok(String::new());
    }
    let alerted = alerts::open_of_cases(tx, cases.iter().map(|case| case.id).collect()).await?;
    let rows: Vec<CaseRow> = cases.iter().map(|case| CaseRow::of(case, String::new(), alerted.contains(&case.id))).collect();
    CasesPanel { rows: &rows }.render().map_err(Failure::internal)
}
