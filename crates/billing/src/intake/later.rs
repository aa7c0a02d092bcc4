//! Events that could not be applied at once: tried again by durable work, and given up when their
//! parent never came.

use std::time::Duration;

use chrono::TimeDelta;
use flows::{Activity, FlowCx, FlowFault, Flows as _, Retry, StartOptions, Workflow};
use host::{Registry, Work};
use kernel::{At, ConnectionId, Failure};
use serde::{Deserialize, Serialize};
use store::{SystemSql, Tx};
use uuid::Uuid;

use super::provider_event::{EventState, Model, reason};
use super::taking::{WAIT_FOR_PARENT, Waiting, set_state, settle};
use super::webhook::{Known, know, source_of};
use super::{Sink, store as rows};
use crate::connections::{self, Address};
use crate::provider::{ProviderEvent, Providers};

/// An event to try again.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Later {
    connection: ConnectionId,
    event_row: Uuid,
}

const APPLY: Activity<Later, ()> = Activity::new("billing.apply_event");
const APPLYING: Workflow<Later> = Workflow::new("billing.apply_event", 1);
const SWEEP: Activity<(), ()> = Activity::new("billing.sweep_events");
const GIVE_UP: Activity<(), ()> = Activity::new("billing.give_up_waiting");

/// Half an hour of tries: an outage of a provider is mostly shorter. The last one goes without the
/// provider's answer, for a case too many is better than a failure that nobody hears of.
const TRIES: Retry = Retry { max: 8, first: Duration::from_secs(10), factor: 3, cap: Duration::from_mins(10) };

/// Events whose parent did not come within thirty days are laid aside, oldest first.
const LAY_ASIDE: SystemSql = SystemSql::both(
    "update provider_events set state = 'ignored', reason = 'parent_never_came', updated_at = $1, version = version + 1 \
     where id in (select id from provider_events where state = 'quarantined' and created_at < $2 order by created_at limit $3)",
);
/// How long events are kept that changed what they had to change: three times as long as a provider
/// lets somebody send one again (Stripe: thirty days), so that the same event is known for as long as
/// it can come. What came of it stays for good.
pub(super) const KEPT_FOR: TimeDelta = TimeDelta::days(90);

/// What is older than the retention, oldest first. Ids sort by the time at which they were made, so the
/// primary key leads to the front; events that people have to look at stay.
const OLD: SystemSql = SystemSql::both(
    "select id from provider_events where id < $1 and state in ('applied', 'ignored') and updated_at < $2 order by id limit $3",
);
const FORGET_FAILURE: SystemSql =
    SystemSql::both("update payment_failures set event_row_id = null, updated_at = $2, version = version + 1 where event_row_id = $1");
const FORGET_REFS: SystemSql = SystemSql::both("delete from provider_event_refs where event_row_id = $1");
const FORGET: SystemSql = SystemSql::both("delete from provider_events where id = $1");

/// Events laid aside at once: a transaction that is over before anybody waits for it.
const BATCH: u64 = 500;

pub(super) fn register(app: &mut Registry) {
    app.activity(APPLY, apply).retries(TRIES);
    app.workflow(APPLYING, applying);
    app.activity(GIVE_UP, give_up);
    app.schedule("billing.give_up_waiting", "17 4 * * *", GIVE_UP);
    app.activity(SWEEP, sweep);
    app.schedule("billing.sweep_events", "47 4 * * *", SWEEP);
}

/// Marks a kept event as pending and writes down that it is tried again.
pub(super) async fn apply_later(tx: &mut Tx, row: Model, reason: &'static str) -> Result<(), Failure> {
    let Some(connection) = row.connection() else { return Ok(()) };
    let input = Later { connection, event_row: row.id };
    let dedupe = format!("event:{}", row.id);
    set_state(tx, row, EventState::Received, Some(reason), None, None).await?;
    flows::start(tx, APPLYING, &input, StartOptions::dedupe(dedupe)).await?;
    Ok(())
}

async fn applying(mut cx: FlowCx, later: Later) -> Result<(), FlowFault> {
    cx.step(APPLY, later).await
}

async fn apply(work: Work, later: Later) -> Result<(), Failure> {
    let core = &work.core;
    let Some(address) = connections::at_address(&core.store, later.connection).await? else { return Ok(()) };
    let mut tx = work.begin("billing").await?;
    let Some(row) = rows::hold(&mut tx, later.event_row).await?.filter(is_waiting) else { return Ok(()) };
    drop(tx);
    let event: ProviderEvent = serde_json::from_value(row.event.clone()).map_err(Failure::internal)?;
    let gateway = connections::open_secrets(core.store.cipher(), &core.parts.get::<Providers>(), &address.row, core.clock.now())?;
    let known = match know(&gateway, address.row.is_live(), event).await {
        Known::Pending(event) if work.attempt >= TRIES.max => Known::Ready(ProviderEvent { needs_join: false, ..event }),
        known => known,
    };
    finish(&work, &address, later.event_row, known).await
}

fn is_waiting(row: &Model) -> bool {
    row.state == EventState::Received.name()
}

async fn finish(work: &Work, address: &Address, id: Uuid, known: Known) -> Result<(), Failure> {
    let mut tx = work.begin("billing").await?;
    let Some(row) = rows::hold(&mut tx, id).await?.filter(is_waiting) else { return Ok(()) };
    match known {
        Known::Ready(event) => {
            // After a failure nothing else is drawn into it: what failed may be another event that waits.
            let waiting = if work.attempt == 1 { Waiting::Now } else { Waiting::Later };
            settle(&mut tx, &source_of(address), work.core.parts.find::<Sink>().as_deref(), row, &event, waiting).await?;
        }
        Known::Ignored(event, reason) => set_state(&mut tx, row, EventState::Ignored, Some(reason), None, Some(&event)).await?,
        Known::Pending(_) => return Err(Failure::new(kernel::General::DependencyUnavailable)),
    }
    Ok(tx.commit().await?)
}

/// Runs for all organizations at once: it changes nothing but what the intake itself wrote.
async fn give_up(work: Work, (): ()) -> Result<(), Failure> {
    let mut count = 0;
    loop {
        let mut system = work.core.store.system("events whose parent never came").await?;
        let (now, before) = (system.now(), system.now() - WAIT_FOR_PARENT);
        let batch = system.sql(LAY_ASIDE.bind(now).bind(before).bind(i64::try_from(BATCH).map_err(Failure::internal)?)).await?;
        system.commit().await?;
        count += batch;
        if batch < BATCH {
            break;
        }
    }
    tracing::info!(event = "billing.gave_up_waiting", count, reason = reason::PARENT_NEVER_CAME, "events were laid aside");
    Ok(())
}

#[derive(sea_orm::FromQueryResult)]
struct OldEvent {
    id: Uuid,
}

/// No id that was made at this instant or later sorts before it: a UUIDv7 begins with its milliseconds.
fn first_id_of(at: At) -> Uuid {
    Uuid::from_u128(u128::from(u64::try_from(at.timestamp_millis()).unwrap_or(0)) << 80)
}

/// Forgets old events of all organizations, in batches: no other work waits long for one.
async fn sweep(work: Work, (): ()) -> Result<(), Failure> {
    let mut count = 0;
    loop {
        let mut system = work.core.store.system("events that are older than their retention").await?;
        let (now, before) = (system.now(), system.now() - KEPT_FOR);
        let bound = OLD.bind(first_id_of(before)).bind(before).bind(i64::try_from(BATCH).map_err(Failure::internal)?);
        let old: Vec<OldEvent> = system.sql_all(bound).await?;
        for event in &old {
            system.sql(FORGET_FAILURE.bind(event.id).bind(now)).await?;
            system.sql(FORGET_REFS.bind(event.id)).await?;
            system.sql(FORGET.bind(event.id)).await?;
        }
        system.commit().await?;
        count += old.len();
        if (old.len() as u64) < BATCH {
            break;
        }
    }
    tracing::info!(event = "billing.swept_events", count, days = KEPT_FOR.num_days(), "old events were forgotten");
    Ok(())
}
