//! The groups of a cohort put together: what a currency comes to, and what a day.

use std::collections::BTreeMap;

use ::store::{StoreError, TenantSql, Tx};
use chrono::NaiveDate;
use kernel::{At, Currency, Money};
use sea_orm::FromQueryResult;

use super::Range;
use super::groups::{self, CaseGroup};
use crate::cases::CaseState;

/// The cases of a cohort in one currency.
#[derive(Debug, Clone, Default)]
pub(crate) struct ByCurrency {
    pub currency: String,
    pub opened: i64,
    pub due_minor: i64,
    pub recovered: i64,
    pub recovered_minor: i64,
    pub reversed_minor: i64,
    pub partially: i64,
    pub open: i64,
    pub at_risk_minor: i64,
    pub exhausted: i64,
    pub not_recoverable: i64,
    pub cancelled: i64,
    pub retryable: i64,
    pub retryable_due_minor: i64,
    pub retryable_recovered: i64,
    pub retryable_recovered_minor: i64,
    pub attempts_sent: i64,
    pub attempts_succeeded: i64,
    pub messages_sent: i64,
    pub by_class: BTreeMap<String, Part>,
}

/// Some of the cases.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Part {
    pub cases: i64,
    pub minor: i64,
}

impl Part {
    pub fn add(&mut self, cases: i64, minor: i64) {
        self.cases += cases;
        self.minor += minor;
    }
}

/// What became of a span's cases, by currency.
pub(crate) async fn by_currency(tx: &mut Tx, range: Range) -> Result<Vec<ByCurrency>, StoreError> {
    let mut all: BTreeMap<String, ByCurrency> = BTreeMap::new();
    for group in groups::cases(tx, range).await? {
        let row = all.entry(group.currency.clone());
        row.or_insert_with(|| ByCurrency { currency: group.currency.clone(), ..ByCurrency::default() }).add(&group);
    }
    Ok(all.into_values().collect())
}

impl ByCurrency {
    pub fn currency(&self) -> Currency {
        self.currency.parse().expect("only currencies are stored")
    }

    pub fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.currency())
    }

    fn add(&mut self, group: &CaseGroup) {
        self.opened += group.cases;
        self.due_minor += group.due_minor;
        self.reversed_minor += group.reversed_minor;
        self.retryable += group.retryable;
        self.retryable_due_minor += group.retryable_due_minor;
        self.attempts_sent += group.attempts_sent;
        self.attempts_succeeded += group.attempts_succeeded;
        self.messages_sent += group.messages_sent;
        self.by_class.entry(group.class.clone()).or_default().add(group.cases, group.due_minor);
        if group.state.is_open() {
            self.open += group.cases;
            self.at_risk_minor += group.due_minor - group.paid_minor;
            return;
        }
        self.recovered_minor += group.paid_minor - group.reversed_minor;
        self.retryable_recovered_minor += group.retryable_kept_minor;
        match group.state {
            CaseState::Recovered => {
                self.recovered += group.cases;
                self.retryable_recovered += group.retryable;
            }
            CaseState::PartiallyRecovered => self.partially += group.cases,
            CaseState::Exhausted => self.exhausted += group.cases,
            CaseState::NotRecoverable => self.not_recoverable += group.cases,
            CaseState::Cancelled => self.cancelled += group.cases,
            // Disputed and reversed ones are neither a loss that we made nor one that the payer chose.
            _ => {}
        }
    }
}

/// The first failure of the youngest case.
#[derive(Debug, FromQueryResult)]
struct Youngest {
    failed_at: At,
}

const YOUNGEST: TenantSql = TenantSql::both(
    "select failed_at as failed_at from cases where org_id = $1 and failed_at >= $2 and failed_at < $3 order by failed_at desc limit 1",
);

pub(super) async fn youngest(tx: &mut Tx, range: Range) -> Result<Option<At>, StoreError> {
    Ok(tx.sql_one::<Youngest>(YOUNGEST.bind(range.from).bind(range.to)).await?.map(|row| row.failed_at))
}

/// Cases that failed or were recovered on one day (UTC).
#[derive(Debug, Clone, FromQueryResult)]
pub(crate) struct DayCount {
    /// `2026-11-20`
    pub day: String,
    pub cases: i64,
}

/// A count for each day costs a look at the index for each; grouping by the day would sort every row.
const FAILED_BY_DAY: TenantSql = TenantSql::per_engine(
    "with recursive days(day) as (select substr($2, 1, 10) union all select date(day, '+1 day') from days \
       where date(day, '+1 day') < substr($3, 1, 10)) \
     select day, cases from (select d.day as day, (select count(*) from cases c where c.org_id = $1 and c.failed_at >= d.day \
       and c.failed_at < date(d.day, '+1 day')) as cases from days d) as counted where cases > 0",
    "select to_char(day at time zone 'UTC', 'YYYY-MM-DD') as day, cases \
     from (select d.day as day, (select count(*) from cases c where c.org_id = $1 and c.failed_at >= d.day \
       and c.failed_at < d.day + interval '24 hours') as cases \
       from generate_series(cast($2 as timestamptz), cast($3 as timestamptz) - interval '24 hours', interval '24 hours') as d(day)) \
       as counted where cases > 0",
);

const RECOVERED_BY_DAY: TenantSql = TenantSql::per_engine(
    "with recursive days(day) as (select substr($2, 1, 10) union all select date(day, '+1 day') from days \
       where date(day, '+1 day') < substr($3, 1, 10)) \
     select day, cases from (select d.day as day, (select count(*) from outcomes o where o.org_id = $1 and o.kind = 'recovered' \
       and o.at >= d.day and o.at < date(d.day, '+1 day')) as cases from days d) as counted where cases > 0",
    "select to_char(day at time zone 'UTC', 'YYYY-MM-DD') as day, cases \
     from (select d.day as day, (select count(*) from outcomes o where o.org_id = $1 and o.kind = 'recovered' \
       and o.at >= d.day and o.at < d.day + interval '24 hours') as cases \
       from generate_series(cast($2 as timestamptz), cast($3 as timestamptz) - interval '24 hours', interval '24 hours') as d(day)) \
       as counted where cases > 0",
);

/// Cases by the day of their first failure, and cases by the day on which they were recovered, for so many
/// days from the first on; days without any are left out.
pub(crate) async fn by_day(tx: &mut Tx, first: NaiveDate, days: u64) -> Result<[Vec<DayCount>; 2], StoreError> {
    let span = Range::of_days(first, days);
    let failed = tx.sql_all(FAILED_BY_DAY.bind(span.from).bind(span.to)).await?;
    let recovered = tx.sql_all(RECOVERED_BY_DAY.bind(span.from).bind(span.to)).await?;
    Ok([failed, recovered])
}
