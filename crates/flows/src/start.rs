//! Starting and signalling runs, inside the transaction of the change that is the reason for it.

use chrono::TimeDelta;
use kernel::{At, Failure, RunId};
use sea_orm::FromQueryResult;
use serde::Serialize;
use serde_json::Value;
use store::{Store, StoreError, System, SystemSql, TenantSql, Tx};
use uuid::Uuid;

use crate::config::POLL_MAX_MOST_MS;
use crate::engine::nudge;
use crate::names::{StartOptions, Workflow};

const START: TenantSql = TenantSql::both(
    "insert into flow_runs (org_id, id, created_at, updated_at, version, workflow, workflow_version, dedupe_key, input, state, due_at, \
     started_at, waiting_for, attempt, fence) values ($1, $2, $3, $3, 1, $4, $5, $6, $7, 'open', $8, $9, $10, 0, 0) \
     on conflict (org_id, workflow, dedupe_key) do nothing",
);

const FIND: TenantSql = TenantSql::both("select id from flow_runs where org_id = $1 and workflow = $2 and dedupe_key = $3");

const START_SYSTEM: SystemSql = SystemSql::both(
    "insert into flow_runs (org_id, id, created_at, updated_at, version, workflow, workflow_version, dedupe_key, input, state, due_at, \
     started_at, attempt, fence) values (null, $1, $2, $2, 1, $3, $4, $5, $6, 'open', $7, $7, 0, 0) \
     on conflict (workflow, dedupe_key) where org_id is null do nothing",
);

const FIND_SYSTEM: SystemSql = SystemSql::both("select id from flow_runs where org_id is null and workflow = $1 and dedupe_key = $2");

/// Locks the runs and wakes those that wait for this very signal; one that sleeps or waits for its
/// next attempt keeps its time.
const WAKE: TenantSql = TenantSql::both(
    "update flow_runs set due_at = case when waiting_for = $3 then $4 else due_at end, updated_at = $4 \
     where org_id = $1 and dedupe_key = $2 and state = 'open'",
);

const WOKEN: TenantSql = TenantSql::both("select id from flow_runs where org_id = $1 and dedupe_key = $2 and state = 'open'");

/// The place keeps the order of signals of one instant; the lock on the run makes it the only one.
const KEEP_SIGNAL: TenantSql = TenantSql::both(
    "insert into flow_signals (org_id, id, created_at, updated_at, version, run_id, name, payload, place) \
     values ($1, $2, $3, $3, 1, $4, $5, $6, (select count(*) from flow_signals where org_id = $1 and run_id = $4))",
);

/// The longest dedupe key: a few ids and a word.
const DEDUPE_LEN_MAX: usize = 300;

/// A run that is due later than this is found in time without a word: the engine never sleeps longer.
const FOUND_BY_POLL: TimeDelta = TimeDelta::milliseconds(POLL_MAX_MOST_MS);

#[derive(FromQueryResult)]
struct IdRow {
    id: Uuid,
}

/// Starts a run of the organization; it exists if and only if `tx` commits. When a run of this
/// workflow has the dedupe key already, nothing is started and its id is returned.
pub async fn start<I: Serialize>(tx: &mut Tx, workflow: Workflow<I>, input: &I, options: StartOptions) -> Result<RunId, Failure> {
    let new = NewRun::new(tx.now(), workflow, input, options)?;
    let insert = START
        .bind(new.id.uuid())
        .bind(tx.now())
        .bind(workflow.name())
        .bind(workflow.version())
        .bind(new.dedupe.as_str())
        .bind(new.input)
        .bind(new.due_at)
        .bind(new.started_at)
        .bind(new.woken_by);
    if tx.sql(insert).await? == 1 {
        if new.due_at <= tx.now() + FOUND_BY_POLL {
            tx.after_commit(nudging(tx.store()));
        }
        return Ok(new.id);
    }
    let found: Option<IdRow> = tx.sql_one(FIND.bind(workflow.name()).bind(new.dedupe)).await?;
    // Gone in between: its time of being kept was over just now.
    Ok(found.map(|row| RunId(row.id)).ok_or(StoreError::Conflict)?)
}

/// As [`start`], for work of the platform itself, which belongs to no organization.
pub async fn start_system<I: Serialize>(
    system: &mut System,
    workflow: Workflow<I>,
    input: &I,
    options: StartOptions,
) -> Result<RunId, Failure> {
    let new = NewRun::new(system.now(), workflow, input, options)?;
    let insert = START_SYSTEM
        .bind(new.id.uuid())
        .bind(system.now())
        .bind(workflow.name())
        .bind(workflow.version())
        .bind(new.dedupe.as_str())
        .bind(new.input)
        .bind(new.due_at);
    if system.sql(insert).await? == 1 {
        if new.due_at <= system.now() + FOUND_BY_POLL {
            system.after_commit(nudging(system.store()));
        }
        return Ok(new.id);
    }
    let found: Option<IdRow> = system.sql_one(FIND_SYSTEM.bind(workflow.name()).bind(new.dedupe)).await?;
    Ok(found.map(|row| RunId(row.id)).ok_or(StoreError::Conflict)?)
}

/// Tells every open run of the organization with this dedupe key that something happened. The
/// signal is kept until the run asks for it, whether it waits already or not. `false` when there is
/// no such run.
pub async fn signal<T: Serialize>(tx: &mut Tx, dedupe_key: &str, name: &str, payload: &T) -> Result<bool, Failure> {
    let payload = serde_json::to_value(payload).map_err(Failure::internal)?;
    let now = tx.now();
    if tx.sql(WAKE.bind(dedupe_key).bind(name).bind(now)).await? == 0 {
        return Ok(false);
    }
    let runs: Vec<IdRow> = tx.sql_all(WOKEN.bind(dedupe_key)).await?;
    for run in runs {
        let keep = KEEP_SIGNAL.bind(kernel::chance::uuid_v7(now)).bind(now).bind(run.id).bind(name).bind(payload.clone());
        tx.sql(keep).await?;
    }
    tx.after_commit(nudging(tx.store()));
    Ok(true)
}

/// Wakes the engines, for when the change is kept: before, there is nothing to find.
fn nudging(store: &Store) -> impl FnOnce() + Send + Sync + use<> {
    let store = store.clone();
    move || nudge(&store)
}

/// A run that is about to be inserted.
struct NewRun {
    id: RunId,
    dedupe: String,
    input: Value,
    due_at: At,
    /// What the body sees as the time before its first answer. A run that a signal may start has none
    /// of its own, and begins with the change that it was made in.
    started_at: At,
    woken_by: Option<&'static str>,
}

impl NewRun {
    fn new<I: Serialize>(now: At, workflow: Workflow<I>, input: &I, options: StartOptions) -> Result<Self, Failure> {
        let id = RunId::new(now);
        let dedupe = options.dedupe.unwrap_or_else(|| id.to_string());
        if dedupe.is_empty() || dedupe.len() > DEDUPE_LEN_MAX {
            return Err(Failure::internal(format!("a dedupe key of {} has {} bytes", workflow.name(), dedupe.len())));
        }
        let input = serde_json::to_value(input).map_err(Failure::internal)?;
        let due_at = options.at.map_or(now, |at| at.max(now));
        let started_at = if options.woken_by.is_some() { now } else { due_at };
        Ok(Self { id, dedupe, input, due_at, started_at, woken_by: options.woken_by })
    }
}
