//! Claiming due runs, and keeping them while an activity takes its time.

use std::time::Duration;

use kernel::{At, OrgId, RunId};
use sea_orm::FromQueryResult;
use serde_json::Value;
use store::{Store, StoreError, SystemSql};
use uuid::Uuid;

use super::{Claimed, lease_bound, lease_end};

/// The statement for runs that meet a condition, the longest due first. On Postgres, rows that
/// another replica is claiming at this moment are passed by; SQLite has one writer anyway.
macro_rules! candidates {
    ($condition:literal) => {
        SystemSql::per_engine(
            concat!(candidates!(@read), $condition, " order by due_at, id limit $2"),
            concat!(candidates!(@read), $condition, " order by due_at, id limit $2 for update skip locked"),
        )
    };
    (@read) => {
        "select id, org_id, workflow, workflow_version, input, started_at, attempt, fence, lease_until from flow_runs where state = 'open' and "
    };
}

/// Runs that nobody holds and whose time has come.
const DUE: SystemSql = candidates!("lease_until is null and due_at <= $1");

/// Runs whose worker let the lease end, or took it by a clock that was set back since: no honest
/// lease ends later than [`lease_bound`]. Apart from [`DUE`], because each has a partial index of its
/// own and a condition over both would read the whole table.
///
/// It says itself that there is a lease: SQLite does not conclude it from the two comparisons, and would
/// read every open run instead of the index over those in hand.
const LOST: SystemSql = candidates!("lease_until is not null and (lease_until <= $1 or lease_until > $3)");

const TAKE: SystemSql = SystemSql::both(
    "update flow_runs set fence = fence + 1, attempt = $3, lease_until = $4, worker = $5, updated_at = $6 where id = $1 and fence = $2",
);

const RENEW: SystemSql = SystemSql::both("update flow_runs set lease_until = $3 where id = $1 and fence = $2");

/// The statements that look for work, by name, with an instant as `$1`, a number of rows as `$2` and an
/// instant as `$3`.
pub(crate) const SCANS: [(&str, SystemSql); 2] = [("due", DUE), ("lost", LOST)];

#[derive(FromQueryResult)]
struct DueRow {
    id: Uuid,
    org_id: Option<Uuid>,
    workflow: String,
    workflow_version: i32,
    input: Value,
    started_at: At,
    attempt: i32,
    fence: i64,
    lease_until: Option<At>,
}

impl DueRow {
    fn into_claimed(self) -> Claimed {
        // Whoever let the lease end died on this step, so that counts as a failed attempt: work that
        // kills its worker must not do so for ever.
        let lost = u32::from(self.lease_until.is_some());
        Claimed {
            id: RunId(self.id),
            org: self.org_id.map(OrgId),
            workflow: self.workflow,
            version: self.workflow_version,
            input: self.input,
            started_at: self.started_at,
            attempt: u32::try_from(self.attempt).unwrap_or(0) + lost,
            fence: self.fence + 1,
        }
    }
}

/// Claims at most `count` due runs, the longest due first, without those that `is_held`.
pub(crate) async fn claim(
    store: &Store,
    worker: &str,
    lease: Duration,
    count: usize,
    is_held: impl Fn(RunId) -> bool + Send,
) -> Result<Vec<Claimed>, StoreError> {
    let mut door = store.system("flows: claim due runs").await?;
    let now = door.now();
    // Held ones may be due again after a moved clock; reading a few more leaves enough to take.
    let look_at = i64::try_from(count.saturating_mul(2)).unwrap_or(i64::MAX);
    let mut rows: Vec<DueRow> = door.sql_all(LOST.bind(now).bind(look_at).bind(lease_bound(now, lease))).await?;
    rows.extend(door.sql_all::<DueRow>(DUE.bind(now).bind(look_at)).await?);
    let mut claimed = Vec::new();
    for row in rows.into_iter().filter(|row| !is_held(RunId(row.id))).take(count) {
        let before = row.fence;
        let run = row.into_claimed();
        let take = TAKE
            .bind(run.id.uuid())
            .bind(before)
            .bind(i32::try_from(run.attempt).unwrap_or(i32::MAX))
            .bind(lease_end(now, lease))
            .bind(worker)
            .bind(now);
        if door.sql(take).await? == 1 {
            claimed.push(run);
        }
    }
    door.commit().await?;
    Ok(claimed)
}

/// Moves the end of the lease; `false` when the run is no longer ours.
pub(crate) async fn renew(store: &Store, run: &Claimed, lease: Duration) -> Result<bool, StoreError> {
    let mut door = store.system("flows: renew a lease").await?;
    let end = lease_end(door.now(), lease);
    let renewed = door.sql(RENEW.bind(run.id.uuid()).bind(run.fence).bind(end)).await?;
    door.commit().await?;
    Ok(renewed == 1)
}
