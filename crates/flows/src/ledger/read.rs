//! Looking things up: what is due, what is recorded, what is dead.

use std::collections::BTreeMap;
use std::time::Duration;

use kernel::{At, OrgId, RunId};
use sea_orm::FromQueryResult;
use serde_json::Value;
use store::{Store, StoreError, SystemSql};
use uuid::Uuid;

use super::{Recorded, lease_bound, told_from_columns};
use crate::engine::DeadLetter;

/// Two looks at the front of two partial indexes: the cost does not grow with what is open.
const NEXT_DUE: SystemSql = SystemSql::both(
    "select (select min(due_at) from flow_runs where state = 'open' and lease_until is null) as due_at, \
     (select min(lease_until) from flow_runs where state = 'open' and lease_until is not null) as lost_at, \
     (select max(lease_until) from flow_runs where state = 'open' and lease_until is not null) as held_until",
);

/// Runs in hand count: they are not finished.
const COUNT_DUE: SystemSql = SystemSql::both(
    "select (select count(*) from flow_runs where state = 'open' and lease_until is null and due_at <= $1) \
     + (select count(*) from flow_runs where state = 'open' and lease_until is not null) as runs",
);

/// The statements that say when and how much work is due, as [`super::claim::SCANS`].
pub(crate) const LOOKS: [(&str, SystemSql); 2] = [("next_due", NEXT_DUE), ("count_due", COUNT_DUE)];

const RECORD: SystemSql = SystemSql::both("select seq, kind, outcome, value, answered_at from flow_steps where run_id = $1 order by seq");

const DEAD: SystemSql = SystemSql::both(
    "select id, org_id, workflow, workflow_version, dedupe_key, reason, updated_at from flow_runs where state = 'dead' \
     order by updated_at desc, id desc limit $1",
);

/// Whoever still has the run in hand is fenced off.
const REOPEN: SystemSql = SystemSql::both(
    "update flow_runs set state = 'open', due_at = $2, attempt = 0, reason = null, finished_at = null, fence = fence + 1, updated_at = $2 \
     where id = $1 and state = 'dead'",
);

/// The last answer of a dead run, where it was a failure: it is asked for anew.
const FORGET_FAILURE: SystemSql = SystemSql::both(
    "delete from flow_steps where run_id = $1 and outcome = 'failed' and seq = (select max(seq) from flow_steps where run_id = $1)",
);

const DELETE_FINISHED: SystemSql = SystemSql::both(
    "delete from flow_runs where id in (select id from flow_runs where state = 'done' and finished_at < $1 order by finished_at limit $2)",
);

/// When something has to be done.
#[derive(Debug, Clone, Copy, FromQueryResult)]
pub(crate) struct NextDue {
    /// The next time of a run that nobody holds.
    due_at: Option<At>,
    /// The next end of a lease; it matters only if its worker is gone.
    lost_at: Option<At>,
    /// The last end of a lease: one farther away than any lease lasts was taken by a clock that was
    /// set back since.
    held_until: Option<At>,
}

impl NextDue {
    pub(crate) fn is_due(self, now: At, lease: Duration) -> bool {
        let past = |at: At| at <= now;
        self.due_at.is_some_and(past) || self.lost_at.is_some_and(past) || self.held_until.is_some_and(|at| at > lease_bound(now, lease))
    }

    /// Leases are left out: a living worker renews his.
    pub(crate) fn soonest(self) -> Option<At> {
        self.due_at
    }
}

pub(crate) async fn next_due(store: &Store) -> Result<NextDue, StoreError> {
    let mut door = store.system_read("flows: when is work due").await?;
    let next = door.sql_one(NEXT_DUE).await?;
    Ok(next.unwrap_or(NextDue { due_at: None, lost_at: None, held_until: None }))
}

/// When the run that waits longest was due, if any is overdue or in hand.
pub(crate) async fn oldest_due(store: &Store) -> Result<Option<At>, StoreError> {
    let now = store.clock().now();
    Ok(next_due(store).await?.due_at.filter(|at| *at <= now))
}

#[derive(FromQueryResult)]
struct CountRow {
    runs: i64,
}

pub(crate) async fn count_due(store: &Store) -> Result<u64, StoreError> {
    let mut door = store.system_read("flows: how much is due").await?;
    let now = door.now();
    let count: Option<CountRow> = door.sql_one(COUNT_DUE.bind(now)).await?;
    Ok(count.map_or(0, |row| u64::try_from(row.runs).unwrap_or(0)))
}

#[derive(FromQueryResult)]
struct StepRow {
    seq: i32,
    kind: String,
    outcome: String,
    value: Option<Value>,
    answered_at: At,
}

/// All answers of a run by their place.
pub(crate) async fn record(store: &Store, run: RunId) -> Result<BTreeMap<u32, Recorded>, StoreError> {
    let mut door = store.system_read("flows: replay a run").await?;
    let rows: Vec<StepRow> = door.sql_all(RECORD.bind(run.uuid())).await?;
    let read = rows.into_iter().filter_map(|row| {
        let seq = u32::try_from(row.seq).ok()?;
        let told = told_from_columns(&row.outcome, row.value)?;
        Some((seq, Recorded { seq, kind: row.kind, told, at: row.answered_at }))
    });
    Ok(read.collect())
}

#[derive(FromQueryResult)]
struct DeadRow {
    id: Uuid,
    org_id: Option<Uuid>,
    workflow: String,
    workflow_version: i32,
    dedupe_key: String,
    reason: Option<String>,
    updated_at: At,
}

pub(crate) async fn dead_letters(store: &Store, limit: u64) -> Result<Vec<DeadLetter>, StoreError> {
    let mut door = store.system_read("flows: list dead letters").await?;
    let rows: Vec<DeadRow> = door.sql_all(DEAD.bind(i64::try_from(limit).unwrap_or(i64::MAX))).await?;
    let letters = rows.into_iter().map(|row| DeadLetter {
        id: RunId(row.id),
        org: row.org_id.map(OrgId),
        workflow: row.workflow,
        version: row.workflow_version,
        dedupe_key: row.dedupe_key,
        reason: row.reason.unwrap_or_default(),
        died_at: row.updated_at,
    });
    Ok(letters.collect())
}

/// Opens a dead run; `false` when it is not dead.
pub(crate) async fn replay(store: &Store, run: RunId) -> Result<bool, StoreError> {
    let mut door = store.system("flows: replay a dead letter").await?;
    let now = door.now();
    if door.sql(REOPEN.bind(run.uuid()).bind(now)).await? == 0 {
        return Ok(false);
    }
    door.sql(FORGET_FAILURE.bind(run.uuid())).await?;
    door.commit().await?;
    Ok(true)
}

/// Deletes finished runs with their steps and signals; says how many.
pub(crate) async fn delete_finished(store: &Store, before: At, limit: u64) -> Result<u64, StoreError> {
    let mut door = store.system("flows: delete finished runs").await?;
    let deleted = door.sql(DELETE_FINISHED.bind(before).bind(i64::try_from(limit).unwrap_or(i64::MAX))).await?;
    door.commit().await?;
    Ok(deleted)
}
