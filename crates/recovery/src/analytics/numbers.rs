//! Queries: each counts from the rows, in one pass, grouped by currency.

use ::store::{StoreError, TenantSql, Tx};
use kernel::At;
use sea_orm::FromQueryResult;

use super::Range;

/// The cases of a cohort in one currency.
#[derive(Debug, Clone, FromQueryResult)]
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
}

/// From the index over cohorts alone: an ended case carries what its outcome says.
const BY_CURRENCY: TenantSql = TenantSql::both(
    "select c.currency as currency, cast(count(*) as bigint) as opened, \
     cast(sum(c.amount_minor) as bigint) as due_minor, \
     cast(sum(case when c.state = 'recovered' then 1 else 0 end) as bigint) as recovered, \
     cast(sum(case when c.closed_at is null then 0 else c.paid_minor - c.reversed_minor end) as bigint) as recovered_minor, \
     cast(sum(c.reversed_minor) as bigint) as reversed_minor, \
     cast(sum(case when c.state = 'partially_recovered' then 1 else 0 end) as bigint) as partially, \
     cast(sum(case when c.closed_at is null then 1 else 0 end) as bigint) as open, \
     cast(sum(case when c.closed_at is null then c.amount_minor - c.paid_minor else 0 end) as bigint) as at_risk_minor, \
     cast(sum(case when c.state = 'exhausted' then 1 else 0 end) as bigint) as exhausted, \
     cast(sum(case when c.state = 'not_recoverable' then 1 else 0 end) as bigint) as not_recoverable, \
     cast(sum(case when c.state = 'cancelled' then 1 else 0 end) as bigint) as cancelled, \
     cast(sum(case when c.is_retryable then 1 else 0 end) as bigint) as retryable, \
     cast(sum(case when c.is_retryable then c.amount_minor else 0 end) as bigint) as retryable_due_minor, \
     cast(sum(case when c.is_retryable and c.state = 'recovered' then 1 else 0 end) as bigint) as retryable_recovered, \
     cast(sum(case when c.is_retryable and c.closed_at is not null then c.paid_minor - c.reversed_minor else 0 end) as bigint) \
       as retryable_recovered_minor \
     from cases c where c.org_id = $1 and c.failed_at >= $2 and c.failed_at < $3 group by c.currency order by c.currency",
);

pub(crate) async fn by_currency(tx: &mut Tx, range: Range) -> Result<Vec<ByCurrency>, StoreError> {
    tx.sql_all(BY_CURRENCY.bind(range.from).bind(range.to)).await
}

/// What of a cohort was recovered within a horizon.
#[derive(Debug, Clone, FromQueryResult)]
pub(super) struct Within {
    pub currency: String,
    pub recovered: i64,
    pub recovered_minor: i64,
}

const WITHIN: TenantSql = TenantSql::both(
    "select c.currency as currency, \
     cast(sum(case when o.kind = 'recovered' and o.after_s <= $4 then 1 else 0 end) as bigint) as recovered, \
     cast(sum(case when o.after_s <= $4 then o.amount_minor - o.reversed_minor else 0 end) as bigint) as recovered_minor \
     from cases c left join outcomes o on o.org_id = c.org_id and o.case_id = c.id \
     where c.org_id = $1 and c.failed_at >= $2 and c.failed_at < $3 group by c.currency order by c.currency",
);

pub(super) async fn within(tx: &mut Tx, range: Range, seconds: i64) -> Result<Vec<Within>, StoreError> {
    tx.sql_all(WITHIN.bind(range.from).bind(range.to).bind(seconds)).await
}

/// A group of cases.
#[derive(Debug, Clone, FromQueryResult)]
pub(super) struct Group {
    pub currency: String,
    pub name: String,
    pub cases: i64,
    pub minor: i64,
}

const BY_CLASS: TenantSql = TenantSql::both(
    "select currency as currency, class as name, cast(count(*) as bigint) as cases, cast(sum(amount_minor) as bigint) as minor \
     from cases where org_id = $1 and failed_at >= $2 and failed_at < $3 group by currency, class order by currency, class",
);

pub(super) async fn by_class(tx: &mut Tx, range: Range) -> Result<Vec<Group>, StoreError> {
    tx.sql_all(BY_CLASS.bind(range.from).bind(range.to)).await
}

const BY_MECHANISM: TenantSql = TenantSql::both(
    "select c.currency as currency, o.mechanism as name, cast(count(*) as bigint) as cases, \
     cast(sum(o.amount_minor - o.reversed_minor) as bigint) as minor \
     from cases c join outcomes o on o.org_id = c.org_id and o.case_id = c.id \
     where c.org_id = $1 and c.failed_at >= $2 and c.failed_at < $3 and o.mechanism is not null \
     group by c.currency, o.mechanism order by c.currency, o.mechanism",
);

pub(super) async fn by_mechanism(tx: &mut Tx, range: Range) -> Result<Vec<Group>, StoreError> {
    tx.sql_all(BY_MECHANISM.bind(range.from).bind(range.to)).await
}

/// What was done for a cohort.
#[derive(Debug, Clone, FromQueryResult)]
pub(super) struct Effort {
    pub currency: String,
    pub sent: i64,
    pub succeeded: i64,
}

const ATTEMPTS: TenantSql = TenantSql::both(
    "select c.currency as currency, cast(count(*) as bigint) as sent, \
     cast(sum(case when a.state = 'succeeded' then 1 else 0 end) as bigint) as succeeded \
     from cases c join attempts a on a.org_id = c.org_id and a.case_id = c.id \
     where c.org_id = $1 and c.failed_at >= $2 and c.failed_at < $3 and a.submitted_at is not null and a.state <> 'cancelled' \
     group by c.currency order by c.currency",
);

pub(super) async fn attempts(tx: &mut Tx, range: Range) -> Result<Vec<Effort>, StoreError> {
    tx.sql_all(ATTEMPTS.bind(range.from).bind(range.to)).await
}

const MESSAGES: TenantSql = TenantSql::both(
    "select c.currency as currency, cast(count(*) as bigint) as sent, cast(0 as bigint) as succeeded \
     from cases c join messages m on m.org_id = c.org_id and m.case_id = c.id \
     where c.org_id = $1 and c.failed_at >= $2 and c.failed_at < $3 and m.queued_at is not null group by c.currency order by c.currency",
);

pub(super) async fn messages(tx: &mut Tx, range: Range) -> Result<Vec<Effort>, StoreError> {
    tx.sql_all(MESSAGES.bind(range.from).bind(range.to)).await
}

/// A number of seconds.
#[derive(Debug, FromQueryResult)]
struct Seconds {
    after_s: i64,
}

const NTH_RECOVERY: TenantSql = TenantSql::both(
    "select o.after_s as after_s from cases c join outcomes o on o.org_id = c.org_id and o.case_id = c.id \
     where c.org_id = $1 and c.failed_at >= $2 and c.failed_at < $3 and c.currency = $4 and o.kind = 'recovered' \
     order by o.after_s limit 1 offset $5",
);

/// The seconds that the recovery at this place took, the fastest being at place 0.
pub(super) async fn nth_recovery(tx: &mut Tx, range: Range, currency: &str, place: i64) -> Result<Option<i64>, StoreError> {
    let bound = NTH_RECOVERY.bind(range.from).bind(range.to).bind(currency).bind(place);
    Ok(tx.sql_one::<Seconds>(bound).await?.map(|row| row.after_s))
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

const FAILED_BY_DAY: TenantSql = TenantSql::per_engine(
    "select substr(failed_at, 1, 10) as day, count(*) as cases from cases \
     where org_id = $1 and failed_at >= $2 and failed_at < $3 group by 1 order by 1",
    "select to_char(failed_at at time zone 'UTC', 'YYYY-MM-DD') as day, count(*) as cases from cases \
     where org_id = $1 and failed_at >= $2 and failed_at < $3 group by 1 order by 1",
);

const RECOVERED_BY_DAY: TenantSql = TenantSql::per_engine(
    "select substr(at, 1, 10) as day, count(*) as cases from outcomes \
     where org_id = $1 and at >= $2 and at < $3 and kind = 'recovered' group by 1 order by 1",
    "select to_char(at at time zone 'UTC', 'YYYY-MM-DD') as day, count(*) as cases from outcomes \
     where org_id = $1 and at >= $2 and at < $3 and kind = 'recovered' group by 1 order by 1",
);

/// Cases by the day of their first failure, and cases by the day on which they were recovered.
pub(crate) async fn by_day(tx: &mut Tx, range: Range) -> Result<[Vec<DayCount>; 2], StoreError> {
    let failed = tx.sql_all(FAILED_BY_DAY.bind(range.from).bind(range.to)).await?;
    let recovered = tx.sql_all(RECOVERED_BY_DAY.bind(range.from).bind(range.to)).await?;
    Ok([failed, recovered])
}
