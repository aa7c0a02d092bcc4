//! Writing back: the steps that were answered and what comes next, in one transaction, refused when
//! the fence has moved on.

use std::time::Duration;

use kernel::{At, RunId};
use sea_orm::FromQueryResult;
use serde_json::Value;
use store::{Store, StoreError, System, SystemSql};
use uuid::Uuid;

use super::{Claimed, Heard, Next, Recorded, lease_end, told_to_columns};
use crate::cx::Told;

/// The one statement that changes a run after its claim. It comes first in its transaction: it
/// locks the row, and a stale worker is turned away before he writes anything else.
const WRITE: SystemSql = SystemSql::both(
    "update flow_runs set state = $3, due_at = coalesce($4, due_at), waiting_for = $5, attempt = $6, lease_until = $7, \
     reason = $8, output = $9, finished_at = $10, updated_at = $11 where id = $1 and fence = $2",
);

/// A repeated write-back (the first one's answer was lost) finds its steps there already.
const RECORD: SystemSql = SystemSql::both(
    "insert into flow_steps (id, run_id, seq, kind, outcome, value, answered_at, created_at, updated_at, version) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $8, 1) on conflict (run_id, seq) do nothing",
);

/// The oldest signal that nobody heard; or the one that this very ask heard before.
const SIGNAL: SystemSql = SystemSql::both(
    "select id, payload from flow_signals where run_id = $1 and name = $2 and (heard_by is null or heard_by = $3) \
     order by case when heard_by is null then 1 else 0 end, place limit 1",
);

const HEAR: SystemSql = SystemSql::both("update flow_signals set heard_by = $2, updated_at = $3 where id = $1");

/// The columns that [`WRITE`] sets.
struct Row<'a> {
    state: &'static str,
    due_at: Option<At>,
    waiting_for: Option<&'a str>,
    attempt: u32,
    lease_until: Option<At>,
    reason: Option<&'a str>,
    output: Option<&'a Value>,
    finished_at: Option<At>,
}

impl Row<'_> {
    const OPEN: Self = Self {
        state: "open",
        due_at: None,
        waiting_for: None,
        attempt: 0,
        lease_until: None,
        reason: None,
        output: None,
        finished_at: None,
    };
}

fn row(next: &Next, attempt: u32, now: At, lease: Duration) -> Row<'_> {
    match next {
        Next::GoOn => Row { attempt, due_at: Some(now), lease_until: Some(lease_end(now, lease)), ..Row::OPEN },
        Next::HandBack => Row { attempt, due_at: Some(now), ..Row::OPEN },
        Next::Park { due_at, attempt, reason } => Row { due_at: Some(*due_at), attempt: *attempt, reason: reason.as_deref(), ..Row::OPEN },
        Next::Done(output) => Row { state: "done", output: Some(output), finished_at: Some(now), ..Row::OPEN },
        Next::Dead(reason) => Row { state: "dead", reason: Some(reason), finished_at: Some(now), ..Row::OPEN },
    }
}

/// `false` when the run is not ours any more; nothing is written then.
pub(crate) async fn write_back(store: &Store, run: &Claimed, fresh: &[Recorded], next: &Next, lease: Duration) -> Result<bool, StoreError> {
    let mut door = store.system("flows: write back a run").await?;
    let now = door.now();
    if !write(&mut door, run, &row(next, run.attempt, now, lease)).await? {
        return Ok(false);
    }
    record_all(&mut door, run.id, fresh).await?;
    door.commit().await?;
    Ok(true)
}

/// Takes the oldest unheard signal of that name, or times out, or parks the run until one comes.
///
/// The run's row is locked first, and a signaller locks it too: either he sees that we wait, or we
/// see his signal.
pub(crate) async fn hear(
    store: &Store,
    run: &Claimed,
    fresh: &[Recorded],
    seq: u32,
    kind: &str,
    name: &str,
    until: At,
    lease: Duration,
) -> Result<Heard, StoreError> {
    let mut door = store.system("flows: hear a signal").await?;
    let now = door.now();
    let waiting = Row { due_at: Some(until), waiting_for: Some(name), ..Row::OPEN };
    if !write(&mut door, run, &waiting).await? {
        return Ok(Heard::Lost);
    }
    record_all(&mut door, run.id, fresh).await?;
    let told = match take_signal(&mut door, run.id, seq, name).await? {
        Some(payload) => Told::Heard(payload),
        None if until <= now => Told::TimedOut,
        None => {
            door.commit().await?;
            return Ok(Heard::Parked);
        }
    };
    let answered = Recorded { seq, kind: kind.to_owned(), told: told.clone(), at: now };
    record_all(&mut door, run.id, std::slice::from_ref(&answered)).await?;
    write(&mut door, run, &row(&Next::GoOn, 0, now, lease)).await?;
    door.commit().await?;
    Ok(Heard::Told(told, now))
}

#[derive(FromQueryResult)]
struct SignalRow {
    id: Uuid,
    payload: Value,
}

async fn take_signal(door: &mut System, run: RunId, seq: u32, name: &str) -> Result<Option<Value>, StoreError> {
    let seq = i32::try_from(seq).unwrap_or(i32::MAX);
    let Some(signal) = door.sql_one::<SignalRow>(SIGNAL.bind(run.uuid()).bind(name).bind(seq)).await? else { return Ok(None) };
    let now = door.now();
    door.sql(HEAR.bind(signal.id).bind(seq).bind(now)).await?;
    Ok(Some(signal.payload))
}

async fn write(door: &mut System, run: &Claimed, row: &Row<'_>) -> Result<bool, StoreError> {
    let now = door.now();
    let write = WRITE
        .bind(run.id.uuid())
        .bind(run.fence)
        .bind(row.state)
        .bind(row.due_at)
        .bind(row.waiting_for.map(str::to_owned))
        .bind(i32::try_from(row.attempt).unwrap_or(i32::MAX))
        .bind(row.lease_until)
        .bind(row.reason.map(str::to_owned))
        .bind(row.output.cloned())
        .bind(row.finished_at)
        .bind(now);
    Ok(door.sql(write).await? == 1)
}

async fn record_all(door: &mut System, run: RunId, answered: &[Recorded]) -> Result<(), StoreError> {
    let now = door.now();
    for step in answered {
        let (outcome, value) = told_to_columns(&step.told);
        let record = RECORD
            .bind(kernel::chance::uuid_v7(now))
            .bind(run.uuid())
            .bind(i32::try_from(step.seq).unwrap_or(i32::MAX))
            .bind(step.kind.as_str())
            .bind(outcome)
            .bind(value)
            .bind(step.at)
            .bind(now);
        door.sql(record).await?;
    }
    Ok(())
}
