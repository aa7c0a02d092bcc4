//! The dashboard: what came back, what is at risk, and what happens now.

use std::collections::HashMap;

use ::store::Tx;
use askama::Template;
use axum::Router;
use axum::routing::get;
use billing::connections;
use chrono::{Days, NaiveDate};
use console::{BarChart, ChartDay, Empty, Stat, Unit};
use host::Core;
use kernel::{Failed, Failure, Limit};
use web::{Ctx, Html, PageFault};

use super::row::{CaseRow, rows};
use crate::analytics::{self, ByCurrency, DayCount, Range};
use crate::cases;
use crate::permissions::CASES_READ;

pub(super) const PATH: &str = "/dashboard";

/// Days that the numbers and the chart cover.
const DAYS: u64 = 30;
/// Cases under the chart.
const RECENT: u64 = 8;

pub(super) fn routes() -> Router<Core> {
    Router::new().route(PATH, get(dashboard_page))
}

/// The three numbers of one currency, in words.
struct Figures {
    currency: String,
    recovered: String,
    at_risk: String,
    rate: String,
    rate_note: String,
}

#[derive(Template)]
#[template(path = "dashboard.html")]
struct DashboardPage<'a> {
    figures: &'a [Figures],
    days: &'a [ChartDay],
    rows: &'a [CaseRow],
    has_connection: bool,
    empty: Empty<'static>,
}

/// Shown while there is no case.
const EMPTY: Empty<'static> =
    Empty { title: "No failed payments yet", text: "The first one opens a case, and its story is told here.", href: "", action: "" };

impl DashboardPage<'_> {
    fn chart(&self) -> BarChart<'_> {
        BarChart { id: "failed-recovered", title: "The last 30 days", series: ["Failed", "Recovered"], days: self.days, unit: Unit::Count }
    }
}

async fn dashboard_page(ctx: Ctx) -> Result<Html, PageFault> {
    let mut tx = ctx.begin(CASES_READ).await?;
    let first = analytics::first_of_last(DAYS, tx.now());
    let currencies = analytics::by_currency(&mut tx, Range::of_days(first, DAYS)).await?;
    let days = days(first, &analytics::by_day(&mut tx, first, DAYS).await?);
    let recent = cases::list(&mut tx, None, Limit::new(RECENT).unwrap_or_default(), None).await.map_err(Failed::into_failure)?;
    let rows = rows(&mut tx, &recent.items).await?;
    let has_connection = has_connection(&mut tx).await?;
    tx.commit().await?;
    let figures: Vec<Figures> = currencies.iter().map(Figures::of).collect();
    let template = DashboardPage { figures: &figures, days: &days, rows: &rows, has_connection, empty: EMPTY };
    Ok(ctx.page(PATH, "Dashboard", &template)?)
}

async fn has_connection(tx: &mut Tx) -> Result<bool, Failure> {
    let one = Limit::new(1).unwrap_or_default();
    let page = connections::list(tx, one, None).await.map_err(Failed::into_failure)?;
    Ok(!page.items.is_empty())
}

/// Every day from the first on, those without anything included.
fn days(first: NaiveDate, [failed, recovered]: &[Vec<DayCount>; 2]) -> Vec<ChartDay> {
    let index =
        |rows: &[DayCount]| -> HashMap<NaiveDate, i64> { rows.iter().filter_map(|row| Some((row.day.parse().ok()?, row.cases))).collect() };
    let (failed, recovered) = (index(failed), index(recovered));
    let day = |place| first.checked_add_days(Days::new(place));
    let count = |counts: &HashMap<NaiveDate, i64>, day: NaiveDate| counts.get(&day).copied().unwrap_or(0);
    (0..DAYS).filter_map(day).map(|day| ChartDay { day, values: [count(&failed, day), count(&recovered, day)] }).collect()
}

impl Figures {
    fn stats(&self) -> [Stat<'_>; 3] {
        [
            Stat { label: "Recovered", value: &self.recovered, note: "paid after it had failed, less what was given back" },
            Stat { label: "At risk", value: &self.at_risk, note: "still owed on open cases" },
            Stat { label: "Recovery rate", value: &self.rate, note: &self.rate_note },
        ]
    }

    fn of(row: &ByCurrency) -> Self {
        let rate = analytics::rate(row.recovered, row.opened);
        Self {
            currency: row.currency.clone(),
            recovered: row.money(row.recovered_minor).to_string(),
            at_risk: row.money(row.at_risk_minor).to_string(),
            rate: rate.map_or_else(|| "–".to_owned(), |rate| format!("{:.1} %", rate * 100.0)),
            rate_note: format!("{} of {} failed payments, hard declines included", row.recovered, row.opened),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_without_anything_is_a_day_too() {
        let first = analytics::first_of_last(30, "2026-11-20T09:00:00Z".parse().expect("an instant"));
        let failed = vec![DayCount { day: "2026-11-20".into(), cases: 3 }];
        let days = days(first, &[failed, Vec::new()]);
        assert_eq!(days.len(), 30);
        assert_eq!(days.last().map(|day| (day.day.to_string(), day.values)), Some(("2026-11-20".to_owned(), [3, 0])));
        assert_eq!(days[0].day.to_string(), "2026-10-22");
    }
}
