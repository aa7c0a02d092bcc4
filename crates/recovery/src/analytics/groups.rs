//! Queries over the groups of a cohort.
//!
//! A span may hold a hundred thousand cases, and an engine that has to sort them into groups first
//! takes longer for that than for adding them up. So the indices begin with the group and end with
//! what is added up, and each statement leaps from one group to the next (the smallest name above the
//! last one) and adds up the group's part of the span from the index alone. No statement joins the
//! tables: SQLite would prepare for that by a pass over all rows. The sums of a group come as one
//! text, because a scalar subquery has one value, and SQLite knows no other that may look at the group.

use ::store::{StoreError, TenantSql, Tx};
use sea_orm::{DbErr, FromQueryResult};

use super::Range;
use crate::cases::CaseState;

/// As it comes; without figures when nothing of the group lies in the span.
#[derive(Debug, FromQueryResult)]
struct Row {
    currency: String,
    name: String,
    state: String,
    figures: Option<String>,
}

/// The cases of a cohort in one currency, state and class.
#[derive(Debug, Clone)]
pub(super) struct CaseGroup {
    pub currency: String,
    pub class: String,
    pub state: CaseState,
    pub cases: i64,
    pub due_minor: i64,
    pub paid_minor: i64,
    pub reversed_minor: i64,
    pub retryable: i64,
    pub retryable_due_minor: i64,
    /// Paid on those and not given back.
    pub retryable_kept_minor: i64,
    pub attempts_sent: i64,
    pub attempts_succeeded: i64,
    pub messages_sent: i64,
}

const CASES: TenantSql = TenantSql::both(
    "with recursive currencies(name) as ( \
       select (select min(c.currency) from cases c where c.org_id = $1) \
       union all select (select min(c.currency) from cases c where c.org_id = $1 and c.currency > k.name) \
       from currencies k where k.name is not null), \
     states(currency, name) as ( \
       select k.name, (select min(c.state) from cases c where c.org_id = $1 and c.currency = k.name) \
       from currencies k where k.name is not null \
       union all select s.currency, \
         (select min(c.state) from cases c where c.org_id = $1 and c.currency = s.currency and c.state > s.name) \
       from states s where s.name is not null), \
     parts(currency, state, class) as ( \
       select s.currency, s.name, (select min(c.class) from cases c where c.org_id = $1 and c.currency = s.currency and c.state = s.name) \
       from states s where s.name is not null \
       union all select p.currency, p.state, \
         (select min(c.class) from cases c where c.org_id = $1 and c.currency = p.currency and c.state = p.state and c.class > p.class) \
       from parts p where p.class is not null) \
     select p.currency as currency, p.class as name, p.state as state, \
       (select count(*) || ',' || sum(c.amount_minor) || ',' || sum(c.paid_minor) || ',' || sum(c.reversed_minor) || ',' || \
          sum(case when c.is_retryable then 1 else 0 end) || ',' || sum(case when c.is_retryable then c.amount_minor else 0 end) || ',' || \
          sum(case when c.is_retryable then c.paid_minor - c.reversed_minor else 0 end) || ',' || \
          sum(c.attempts_sent) || ',' || sum(c.attempts_succeeded) || ',' || sum(c.messages_sent) \
        from cases c where c.org_id = $1 and c.currency = p.currency and c.state = p.state and c.class = p.class \
          and c.failed_at >= $2 and c.failed_at < $3) as figures \
     from parts p where p.class is not null",
);

/// The cases of a span.
pub(super) async fn cases(tx: &mut Tx, range: Range) -> Result<Vec<CaseGroup>, StoreError> {
    let rows: Vec<Row> = tx.sql_all(CASES.bind(range.from).bind(range.to)).await?;
    rows.into_iter().filter_map(case_group).collect()
}

fn case_group(row: Row) -> Option<Result<CaseGroup, StoreError>> {
    let figures = numbers(row.figures.as_deref()?);
    let group =
        |[cases, due_minor, paid_minor, reversed_minor, retryable, due, kept, sent, succeeded, messages_sent]: [i64; 10]| CaseGroup {
            currency: row.currency,
            class: row.name,
            state: CaseState::parse(&row.state).expect("the table allows only our words"),
            cases,
            due_minor,
            paid_minor,
            reversed_minor,
            retryable,
            retryable_due_minor: due,
            retryable_kept_minor: kept,
            attempts_sent: sent,
            attempts_succeeded: succeeded,
            messages_sent,
        };
    Some(figures.and_then(exactly).map(group))
}

/// What one mechanism brought back in one currency.
#[derive(Debug, Clone)]
pub(super) struct WonGroup {
    pub currency: String,
    pub mechanism: String,
    pub cases: i64,
    /// Less what was given back.
    pub minor: i64,
    /// How long each case took that was recovered.
    pub seconds: Vec<i64>,
}

/// The seconds of a million recoveries are a text of seven megabytes, for an instant; sorting them in
/// the database takes several times that.
const WON: TenantSql = TenantSql::both(
    "with recursive currencies(name) as ( \
       select (select min(o.currency) from outcomes o where o.org_id = $1) \
       union all select (select min(o.currency) from outcomes o where o.org_id = $1 and o.currency > c.name) \
       from currencies c where c.name is not null), \
     won(currency, mechanism) as ( \
       select c.name, (select min(o.mechanism) from outcomes o where o.org_id = $1 and o.currency = c.name and o.mechanism > '') \
       from currencies c where c.name is not null \
       union all select w.currency, \
         (select min(o.mechanism) from outcomes o where o.org_id = $1 and o.currency = w.currency and o.mechanism > w.mechanism) \
       from won w where w.mechanism is not null) \
     select w.currency as currency, w.mechanism as name, '' as state, \
       (select count(*) || ',' || sum(o.amount_minor - o.reversed_minor) || \
          coalesce(string_agg(case when o.kind = 'recovered' then ',' || o.after_s end, ''), '') \
        from outcomes o where o.org_id = $1 and o.currency = w.currency and o.mechanism = w.mechanism \
          and o.failed_at >= $2 and o.failed_at < $3) as figures \
     from won w where w.mechanism is not null",
);

/// What brought money back for the cases of a span. An outcome without a mechanism brought nothing.
pub(super) async fn won(tx: &mut Tx, range: Range) -> Result<Vec<WonGroup>, StoreError> {
    let rows: Vec<Row> = tx.sql_all(WON.bind(range.from).bind(range.to)).await?;
    rows.into_iter().filter_map(won_group).collect()
}

fn won_group(row: Row) -> Option<Result<WonGroup, StoreError>> {
    let figures = numbers(row.figures.as_deref()?);
    let group = |figures: Vec<i64>| {
        let [cases, minor, seconds @ ..] = figures.as_slice() else { return Err(odd("a group has less than two sums")) };
        Ok(WonGroup { currency: row.currency, mechanism: row.name, cases: *cases, minor: *minor, seconds: seconds.to_vec() })
    };
    Some(figures.and_then(group))
}

/// Horizons within which recoveries are counted.
pub(super) const HORIZONS: usize = 4;

/// How many cases one mechanism recovered in one currency within each horizon, and how much came back.
#[derive(Debug, Clone)]
pub(super) struct WithinGroup {
    pub currency: String,
    pub recovered: [i64; HORIZONS],
    pub minor: [i64; HORIZONS],
}

const WITHIN: TenantSql = TenantSql::both(
    "with recursive currencies(name) as ( \
       select (select min(o.currency) from outcomes o where o.org_id = $1) \
       union all select (select min(o.currency) from outcomes o where o.org_id = $1 and o.currency > c.name) \
       from currencies c where c.name is not null), \
     won(currency, mechanism) as ( \
       select c.name, (select min(o.mechanism) from outcomes o where o.org_id = $1 and o.currency = c.name and o.mechanism > '') \
       from currencies c where c.name is not null \
       union all select w.currency, \
         (select min(o.mechanism) from outcomes o where o.org_id = $1 and o.currency = w.currency and o.mechanism > w.mechanism) \
       from won w where w.mechanism is not null) \
     select w.currency as currency, w.mechanism as name, '' as state, \
       (select sum(case when o.kind = 'recovered' and o.after_s <= $4 then 1 else 0 end) || ',' || \
          sum(case when o.kind = 'recovered' and o.after_s <= $5 then 1 else 0 end) || ',' || \
          sum(case when o.kind = 'recovered' and o.after_s <= $6 then 1 else 0 end) || ',' || \
          sum(case when o.kind = 'recovered' and o.after_s <= $7 then 1 else 0 end) || ',' || \
          sum(case when o.after_s <= $4 then o.amount_minor - o.reversed_minor else 0 end) || ',' || \
          sum(case when o.after_s <= $5 then o.amount_minor - o.reversed_minor else 0 end) || ',' || \
          sum(case when o.after_s <= $6 then o.amount_minor - o.reversed_minor else 0 end) || ',' || \
          sum(case when o.after_s <= $7 then o.amount_minor - o.reversed_minor else 0 end) \
        from outcomes o where o.org_id = $1 and o.currency = w.currency and o.mechanism = w.mechanism \
          and o.failed_at >= $2 and o.failed_at < $3) as figures \
     from won w where w.mechanism is not null",
);

/// What of a span came back within so many seconds each.
pub(super) async fn within(tx: &mut Tx, range: Range, seconds: [i64; HORIZONS]) -> Result<Vec<WithinGroup>, StoreError> {
    let bound = seconds.into_iter().fold(WITHIN.bind(range.from).bind(range.to), ::store::Bound::bind);
    let rows: Vec<Row> = tx.sql_all(bound).await?;
    rows.into_iter().filter_map(within_group).collect()
}

fn within_group(row: Row) -> Option<Result<WithinGroup, StoreError>> {
    let figures = numbers(row.figures.as_deref()?);
    let group = |[a, b, c, d, e, f, g, h]: [i64; HORIZONS * 2]| WithinGroup {
        currency: row.currency,
        recovered: [a, b, c, d],
        minor: [e, f, g, h],
    };
    Some(figures.and_then(exactly).map(group))
}

/// Whole numbers with commas between them.
fn numbers(figures: &str) -> Result<Vec<i64>, StoreError> {
    let read = figures.split(',').map(str::parse).collect::<Result<_, _>>();
    read.map_err(|error| odd(&format!("a sum is no whole number: {error}")))
}

fn exactly<const COUNT: usize>(figures: Vec<i64>) -> Result<[i64; COUNT], StoreError> {
    figures.try_into().map_err(|figures: Vec<i64>| odd(&format!("{} sums instead of {COUNT}", figures.len())))
}

fn odd(what: &str) -> StoreError {
    StoreError::Db(DbErr::Type(what.to_owned()))
}
