//! The dashboard's numbers of an organization with a million failed payments in two years.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::Value;

use super::Bench;
use crate::figures::{Single, Verdict, median, short};
use crate::load::{self, Line};
use crate::product::Environment;

const PAYMENTS: u64 = 1_000_000;
const BUDGET_MS: f64 = 100.0;
const ASKED: usize = 7;
/// Over how many days the payments are spread.
const DAYS: u64 = 730;
/// The most that the product lets be asked for at once.
const DAYS_MAX: i64 = 732;

pub async fn measure(bench: &Bench<'_>) -> Result<Vec<Single>> {
    let (product, _) = bench.site.serve(Environment::Staging).await?;
    let org: autorisen::kernel::OrgId = product.sign_in(&bench.password).await?.org.parse()?;
    drop(product);
    let (sqlite, postgres) = (sqlite(&org.uuid().simple().to_string()), postgres(&org.uuid().to_string()));
    bench.site.database.run(&sqlite, &postgres).await?;
    bench.site.database.settle().await?;
    let (product, _) = bench.site.serve(Environment::Staging).await?;
    let token = product.sign_in(&bench.password).await?.token;
    let mut line = Line::open(product.address).await?;
    let month = "/v1/analytics/summary".to_owned();
    let until: DateTime<Utc> =
        asked(&mut line, &month, &token).await?.0.pointer("/data/to").and_then(Value::as_str).context("an end")?.parse()?;
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Micros, true);
    let widest = format!("{month}?from={}&to={}", time(until - TimeDelta::days(DAYS_MAX)), time(until));
    let (month, widest) = (typical(&mut line, &month, &token).await?, typical(&mut line, &widest, &token).await?);
    let of = format!("of {} million failed payments in {DAYS} days", PAYMENTS / 1_000_000);
    let single = |span: &str, took: f64, verdict| Single {
        what: format!("`GET /v1/analytics/summary`, {span} {of}"),
        engine: Some(bench.site.database.engine()),
        figure: format!("{} ms", short(took)),
        verdict,
    };
    Ok(vec![
        single("30 days", month, Some(Verdict::at_most("", BUDGET_MS, "ms", month))),
        single("the widest span that can be asked for, which is all", widest, None),
    ])
}

/// One answer, and how many milliseconds it took.
async fn asked(line: &mut Line, path: &str, token: &str) -> Result<(Value, f64)> {
    let began = Instant::now();
    let (status, body) = line.ask(&load::get(path, token)).await?;
    let took = began.elapsed().as_secs_f64() * 1000.0;
    ensure!(status == 200, "{status}: {}", String::from_utf8_lossy(body));
    Ok((serde_json::from_slice(body)?, took))
}

/// The median of several after one that warms up.
async fn typical(line: &mut Line, path: &str, token: &str) -> Result<f64> {
    asked(line, path, token).await?;
    let mut times = Vec::new();
    for _ in 0..ASKED {
        times.push(asked(line, path, token).await?.1);
    }
    Ok(median(times))
}

const TRANSACTIONS: &str = "id, org_id, created_at, updated_at, version, gateway, source, obligation_key, psp_ids, amount_due, amount_paid, \
     currency, state, first_failed_at, failed_at";
const CASES: &str = "id, org_id, created_at, updated_at, version, transaction_id, reference, state, class, hardness, is_retryable, \
     classification, owner, policy_version, amount_minor, paid_minor, currency, failed_at, opened_at, deadline_at, attempts_used, misses, \
     read_backs, closed_at, explanation, attempts_sent, attempts_succeeded, messages_sent";
const OUTCOMES: &str = "id, org_id, created_at, updated_at, version, case_id, kind, amount_minor, currency, at, after_s, mechanism, policy_version, reversed_minor, \
     failed_at";

/// Two of three payments came back, after up to three weeks; every currency and class a few times.
fn sqlite(org: &str) -> String {
    let at = format!(
        "strftime('%Y-%m-%dT%H:%M:%S', strftime('%s', 'now') - {DAYS} * 86400 + i * {DAYS} * 86400 / {PAYMENTS}, 'unixepoch') || '.000000Z'"
    );
    format!(
        "pragma synchronous = off; pragma cache_size = -200000; begin; \
         create temp table n as with recursive n(i) as (select 1 union all select i + 1 from n where i < {PAYMENTS}) \
           select i, {at} as at, randomblob(16) as t, randomblob(16) as c, case when i % 4 = 0 then 'USD' else 'EUR' end as cur, \
           case when i % 3 < 2 then 'recovered' else 'exhausted' end as state from n; \
         insert into main.transactions ({TRANSACTIONS}) select t, x'{org}', at, at, 1, 'stripe', 'stripe', 'inv-' || i, '{{}}', 1250, 0, cur, \
           'failed', at, at from n; \
         insert into main.cases ({CASES}) select c, x'{org}', at, at, 1, t, 'inv-' || i, state, \
           case when i % 5 = 0 then 'generic_soft' else 'insufficient_funds' end, 'soft', 1, '{{}}', 'us', 'v1', 1250, \
           case when i % 3 < 2 then 1250 else 0 end, cur, at, at, at, 1, 2, 0, at, '{{}}', 2, 1 - i % 3 / 2, 1 from n; \
         insert into main.outcomes ({OUTCOMES}) select randomblob(16), x'{org}', at, at, 1, c, state, case when i % 3 < 2 then 1250 else 0 end, \
           cur, at, i * 7919 % 2000000, case when i % 3 < 2 then 'retry' else null end, 'v1', 0, at from n; \
         commit;"
    )
}

fn postgres(org: &str) -> String {
    let at = format!("date_trunc('second', now()) - interval '{DAYS} days' + i * (interval '{DAYS} days' / {PAYMENTS})");
    format!(
        "set session_replication_role = replica; \
         create temp table n as select i, {at} as at, gen_random_uuid() as t, gen_random_uuid() as c, \
           case when i % 4 = 0 then 'USD' else 'EUR' end as cur, case when i % 3 < 2 then 'recovered' else 'exhausted' end as state \
           from generate_series(1, {PAYMENTS}) i; \
         insert into transactions ({TRANSACTIONS}) select t, '{org}', at, at, 1, 'stripe', 'stripe', 'inv-' || i, '{{}}', 1250, 0, cur, \
           'failed', at, at from n; \
         insert into cases ({CASES}) select c, '{org}', at, at, 1, t, 'inv-' || i, state, \
           case when i % 5 = 0 then 'generic_soft' else 'insufficient_funds' end, 'soft', true, '{{}}', 'us', 'v1', 1250, \
           case when i % 3 < 2 then 1250 else 0 end, cur, at, at, at, 1, 2, 0, at, '{{}}', 2, 1 - i % 3 / 2, 1 from n; \
         insert into outcomes ({OUTCOMES}) select gen_random_uuid(), '{org}', at, at, 1, c, state, case when i % 3 < 2 then 1250 else 0 end, \
           cur, at, i::bigint * 7919 % 2000000, case when i % 3 < 2 then 'retry' else null end, 'v1', 0, at from n;"
    )
}
