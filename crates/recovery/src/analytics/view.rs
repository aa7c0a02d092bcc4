//! What the answers look like, and how they are put together.

use std::collections::BTreeMap;

use ::store::{StoreError, Tx};
use chrono::Duration;
use kernel::{At, Currency, Money};
use serde::Serialize;
use utoipa::ToSchema;

use super::groups::{self, HORIZONS, WithinGroup, WonGroup};
use super::numbers::{self, ByCurrency, Part};
use super::{Range, definitions};

/// Horizons for which rates are given, in days.
const HORIZONS_DAYS: [i64; HORIZONS] = [7, 14, 28, 60];
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
    let within = groups::within(tx, range, HORIZONS_DAYS.map(|days| days * SECONDS_PER_DAY)).await?;
    let is_mature = |days: i64| youngest.is_some_and(|youngest| youngest + Duration::days(days) <= tx.now());
    let currencies = rows.iter().map(|row| currency_rates(row, &within, &is_mature)).collect();
    Ok(RecoveryRates { from: range.from, to: range.to, definitions: definitions::of_rates(), currencies })
}

fn currency_rates(row: &ByCurrency, within: &[WithinGroup], is_mature: &impl Fn(i64) -> bool) -> CurrencyRates {
    let money = |minor| row.money(minor);
    let horizon = |(place, days): (usize, i64)| {
        let mut back = Part::default();
        let own = within.iter().filter(|group| group.currency == row.currency);
        own.for_each(|group| back.add(group.recovered[place], group.minor[place]));
        HorizonRates {
            days,
            mature: is_mature(days),
            recovered: back.cases,
            amount_recovered: money(back.minor),
            rate_count: rate(back.cases, row.opened),
            rate_amount: rate(back.minor, row.due_minor),
        }
    };
    CurrencyRates {
        currency: row.currency(),
        all: Rates::of([row.opened, row.recovered], [money(row.due_minor), money(row.recovered_minor)]),
        retryable_only: Rates::of(
            [row.retryable, row.retryable_recovered],
            [money(row.retryable_due_minor), money(row.retryable_recovered_minor)],
        ),
        horizons: HORIZONS_DAYS.into_iter().enumerate().map(horizon).collect(),
    }
}

/// The summary of a span.
pub(super) async fn summary(tx: &mut Tx, range: Range) -> Result<Summary, StoreError> {
    let rows = numbers::by_currency(tx, range).await?;
    let won = groups::won(tx, range).await?;
    let currencies = rows.iter().map(|row| row.summary(&won)).collect();
    Ok(Summary { from: range.from, to: range.to, definitions: definitions::of_summary(), currencies })
}

/// By nearest rank: the smallest number that so many percent do not exceed.
fn percentile(seconds: &mut [i64], percent: usize) -> Option<i64> {
    let place = (seconds.len() * percent).div_ceil(100).checked_sub(1)?;
    Some(*seconds.select_nth_unstable(place).1)
}

impl ByCurrency {
    fn summary(&self, won: &[WonGroup]) -> CurrencySummary {
        let own = || won.iter().filter(|group| group.currency == self.currency);
        let view = |name: &str, part: Part| GroupView { name: name.to_owned(), cases: part.cases, amount: self.money(part.minor) };
        let mut seconds: Vec<i64> = own().flat_map(|group| group.seconds.iter().copied()).collect();
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
            attempts_sent: self.attempts_sent,
            attempts_succeeded: self.attempts_succeeded,
            attempt_success_rate: rate(self.attempts_succeeded, self.attempts_sent),
            messages_sent: self.messages_sent,
            seconds_to_recover_median: percentile(&mut seconds, 50),
            seconds_to_recover_p90: percentile(&mut seconds, 90),
            by_mechanism: own().map(|group| view(&group.mechanism, Part { cases: group.cases, minor: group.minor })).collect(),
            by_class: self.by_class.iter().map(|(class, part)| view(class, *part)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_number_that_was_there() {
        let of = |numbers: &[i64], percent| percentile(&mut numbers.to_vec(), percent);
        assert_eq!(of(&[], 50), None);
        assert_eq!((of(&[7], 50), of(&[7], 90)), (Some(7), Some(7)));
        assert_eq!((of(&[4, 1, 3, 2], 50), of(&[4, 1, 3, 2], 90)), (Some(2), Some(4)));
        assert_eq!(of(&(1..=10).rev().collect::<Vec<_>>(), 90), Some(9));
    }
}
