//! Which tick of each schedule was started last.

use std::collections::BTreeMap;

use kernel::{At, Failure};
use sea_orm::FromQueryResult;
use serde_json::Value;
use store::{Store, StoreError, SystemSql};

use crate::names::StartOptions;
use crate::schedule::Schedule;
use crate::single::{SCHEDULED, Single};
use crate::start::start_system;

const LAST_TICKS: SystemSql = SystemSql::both("select name, last_tick_at from flow_schedules");

const BEGIN: SystemSql = SystemSql::both(
    "insert into flow_schedules (id, created_at, updated_at, version, name, last_tick_at) values ($1, $2, $2, 1, $3, $2) \
     on conflict (name) do nothing",
);

/// Never backwards: a clock that was set back does not make an old tick new again.
const ADVANCE: SystemSql =
    SystemSql::both("update flow_schedules set last_tick_at = $2, updated_at = $3 where name = $1 and last_tick_at < $2");

#[derive(FromQueryResult)]
struct TickRow {
    name: String,
    last_tick_at: At,
}

pub(crate) async fn last_ticks(store: &Store) -> Result<BTreeMap<String, At>, StoreError> {
    let mut door = store.system_read("flows: which ticks were started").await?;
    let rows: Vec<TickRow> = door.sql_all(LAST_TICKS).await?;
    Ok(rows.into_iter().map(|row| (row.name, row.last_tick_at)).collect())
}

/// Lets a schedule begin now.
pub(crate) async fn begin_schedule(store: &Store, name: &str) -> Result<(), StoreError> {
    let mut door = store.system("flows: begin a schedule").await?;
    let now = door.now();
    door.sql(BEGIN.bind(kernel::chance::uuid_v7(now)).bind(now).bind(name)).await?;
    door.commit().await
}

/// Starts the run of a tick, unless another replica did.
pub(crate) async fn start_tick(store: &Store, schedule: &Schedule, tick: At) -> Result<(), Failure> {
    let mut door = store.system("flows: start a scheduled run").await?;
    let now = door.now();
    if door.sql(ADVANCE.bind(schedule.name).bind(tick).bind(now)).await? == 1 {
        let single = Single { activity: schedule.activity.to_owned(), input: Value::Null };
        start_system(&mut door, SCHEDULED, &single, StartOptions::dedupe(schedule.dedupe_key(tick))).await?;
    }
    Ok(door.commit().await?)
}
