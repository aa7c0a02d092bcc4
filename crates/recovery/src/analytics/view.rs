//! What the answers look like, and how they are put together.

use std::collections::BTreeMap;

use ::store::{StoreError, Tx};
use chrono::Duration;
use kernel::{At, Currency, Money};
use serde::Serialize;
use utoipa::ToSchema;

use super::numbers::{self, ByCurrency, Effort, Group, Within};
use super::{Range, definitions};

/// Horizons for which rates are given, in days.
const HORIZONS_DAYS: [i64; 4] = [7, 14, 28, 60];
const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

/// How much of what failed came back.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecoveryRates {
    #[schema(value_type = String, format = DateTime)]
    pub from: At,
    #[schema(value_type = String, format = DateTime)]
    pub to: At,
    /// What each number means.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub definitions: BTreeMap<&'static str, &'static str>,
    pub currencies: Vec<CurrencyRates>,
}

/// The rates in one currency.
#[derive(Debug, Serialize, ToSchema)]
pub struct CurrencyRates {
    pub currency: Currency,
    #[serde(flatten)]
    pub all: Rates,
    /// The rates of cases whose first decline was soft.
    pub retryable_only: Rates,
    pub horizons: Vec<HorizonRates>,
}

/// How much of so many cases came back.
#[derive(Debug, Serialize, ToSchema)]
pub struct Rates {
    pub opened: i64,
    pub recovered: i64,
    pub amount_due: Money,
    pub amount_recovered: Money,
    /// 0 to 1; absent when nothing was opened.
    pub rate_count: Option<f64>,
    pub rate_amount: Option<f64>,
}

impl Rates {
    fn of([opened, recovered]: [i64; 2], [due, back]: [Money; 2]) -> Self {
        Self {
            opened,
            recovered,
            amount_due: due,
            amount_recovered: back,
            rate_count: rate(recovered, opened),
            rate_amount: rate(back.minor, due.minor),
        }
    }
}

/// What was recovered within so many days.
#[derive(Debug, Serialize, ToSchema)]
pub struct HorizonRates {
    pub days: i64,
    pub mature: bool,
    pub recovered: i64,
    pub amount_recovered: Money,
    pub rate_count: Option<f64>,
    pub rate_amount: Option<f64>,
}

/// What became of a cohort, and what was done for it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Summary {
    #[schema(value_type = String, format = DateTime)]
    pub from: At,
    #[schema(value_type = String, format = DateTime)]
    pub to: At,
    /// What each number means.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub definitions: BTreeMap<&'static str, &'static str>,
    pub currencies: Vec<CurrencySummary>,
}

/// The summary in one currency.
#[derive(Debug, Serialize, ToSchema)]
pub struct CurrencySummary {
    pub currency: Currency,
    pub opened: i64,
    pub open: i64,
    pub recovered: i64,
    pub partially_recovered: i64,
    pub involuntary_loss: i64,
    pub voluntary_loss: i64,
    pub amount_due: Money,
    pub amount_recovered: Money,
    pub amount_reversed: Money,
    pub amount_at_risk: Money,
    pub rate_count: Option<f64>,
    pub rate_amount: Option<f64>,
    pub attempts_sent: i64,
    pub attempts_succeeded: i64,
    pub attempt_success_rate: Option<f64>,
    pub messages_sent: i64,
    pub seconds_to_recover_median: Option<i64>,
    pub seconds_to_recover_p90: Option<i64>,
    pub by_mechanism: Vec<GroupView>,
    pub by_class: Vec<GroupView>,
}

/// Some of the cases.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupView {
    pub name: String,
    pub cases: i64,
    pub amount: Money,
}

/// A share; nothing over nothing is not zero.
pub(crate) fn rate(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// The rates of a span.
pub(super) async fn rates(tx: &mut Tx, range: Range) -> Result<RecoveryRates, StoreError> {
    let rows = numbers::by_currency(tx, range).await?;
    let youngest = numbers::youngest(tx, range).await?;
    let mut horizons: Vec<(i64, Vec<Within>)> = Vec::with_capacity(HORIZONS_DAYS.len());
    for days in HORIZONS_DAYS {
        horizons.push((days, numbers::within(tx, range, days * SECONDS_PER_DAY).await?));
    }
    let is_mature = |days: i64| youngest.is_some_and(|youngest| youngest + Duration::days(days) <= tx.now());
    let currencies = rows.iter().map(|row| currency_rates(row, &horizons, &is_mature)).collect();
    Ok(RecoveryRates { from: range.from, to: range.to, definitions: definitions::of_rates(), currencies })
}

fn currency_rates(row: &ByCurrency, horizons: &[(i64, Vec<Within>)], is_mature: &impl Fn(i64) -> bool) -> CurrencyRates {
    let money = |minor| row.money(minor);
    let horizon = |(days, rows): &(i64, Vec<Within>)| {
        let within = rows.iter().find(|within| within.currency == row.currency);
        let (recovered, minor) = within.map_or((0, 0), |within| (within.recovered, within.recovered_minor));
        HorizonRates {
            days: *days,
            mature: is_mature(*days),
            recovered,
            amount_recovered: money(minor),
            rate_count: rate(recovered, row.opened),
            rate_amount: rate(minor, row.due_minor),
        }
    };
    CurrencyRates {
        currency: row.currency(),
        all: Rates::of([row.opened, row.recovered], [money(row.due_minor), money(row.recovered_minor)]),
        retryable_only: Rates::of(
            [row.retryable, row.retryable_recovered],
            [money(row.retryable_due_minor), money(row.retryable_recovered_minor)],
        ),
        horizons: horizons.iter().map(horizon).collect(),
    }
}

/// The summary of a span.
pub(super) async fn summary(tx: &mut Tx, range: Range) -> Result<Summary, StoreError> {
    let rows = numbers::by_currency(tx, range).await?;
    let attempts = numbers::attempts(tx, range).await?;
    let messages = numbers::messages(tx, range).await?;
    let classes = numbers::by_class(tx, range).await?;
    let mechanisms = numbers::by_mechanism(tx, range).await?;
    let mut currencies = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut summary = row.summary();
        summary.count_effort(effort(&attempts, row), effort(&messages, row));
        summary.by_class = groups(&classes, row);
        summary.by_mechanism = groups(&mechanisms, row);
        summary.seconds_to_recover_median = percentile(tx, range, row, 50).await?;
        summary.seconds_to_recover_p90 = percentile(tx, range, row, 90).await?;
        currencies.push(summary);
    }
    Ok(Summary { from: range.from, to: range.to, definitions: definitions::of_summary(), currencies })
}

/// By nearest rank: the smallest number that so many percent do not exceed.
async fn percentile(tx: &mut Tx, range: Range, row: &ByCurrency, percent: i64) -> Result<Option<i64>, StoreError> {
    if row.recovered == 0 {
        return Ok(None);
    }
    let place = (row.recovered * percent + 99) / 100 - 1;
    numbers::nth_recovery(tx, range, &row.currency, place).await
}

fn effort<'e>(all: &'e [Effort], row: &ByCurrency) -> Option<&'e Effort> {
    all.iter().find(|effort| effort.currency == row.currency)
}

fn groups(all: &[Group], row: &ByCurrency) -> Vec<GroupView> {
    let own = all.iter().filter(|group| group.currency == row.currency);
    own.map(|group| GroupView { name: group.name.clone(), cases: group.cases, amount: row.money(group.minor) }).collect()
}

impl ByCurrency {
    pub fn currency(&self) -> Currency {
        self.currency.parse().expect("only currencies are stored")
    }

    pub fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.currency())
    }

    fn summary(&self) -> CurrencySummary {
        CurrencySummary {
            currency: self.currency(),
            opened: self.opened,
            open: self.open,
            recovered: self.recovered,
            partially_recovered: self.partially,
            involuntary_loss: self.exhausted + self.not_recoverable,
            voluntary_loss: self.cancelled,
            amount_due: self.money(self.due_minor),
            amount_recovered: self.money(self.recovered_minor),
            amount_reversed: self.money(self.reversed_minor),
            amount_at_risk: self.money(self.at_risk_minor),
            rate_count: rate(self.recovered, self.opened),
            rate_amount: rate(self.recovered_minor, self.due_minor),
            attempts_sent: 0,
            attempts_succeeded: 0,
            attempt_success_rate: None,
            messages_sent: 0,
            seconds_to_recover_median: None,
            seconds_to_recover_p90: None,
            by_mechanism: Vec::new(),
            by_class: Vec::new(),
        }
    }
}

impl CurrencySummary {
    fn count_effort(&mut self, attempts: Option<&Effort>, messages: Option<&Effort>) {
        if let Some(attempts) = attempts {
            self.attempts_sent = attempts.sent;
            self.attempts_succeeded = attempts.succeeded;
            self.attempt_success_rate = rate(attempts.succeeded, attempts.sent);
        }
        self.messages_sent = messages.map_or(0, |messages| messages.sent);
    }
}
