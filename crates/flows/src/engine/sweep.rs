//! Sweeping out, once a night: what is finished is kept for a while, for questions and for keys that
//! must not work twice, and then deleted. Dead letters stay until somebody decides.

use chrono::TimeDelta;
use futures::future::BoxFuture;
use host::Work;
use kernel::{At, Failure};
use store::{Store, StoreError};

use crate::ledger;
use crate::names::Activity;

pub(crate) const SWEEP: Activity<(), ()> = Activity::new("flows.sweep");

/// How long a finished run is kept: longer than any dedupe key is worth, shorter than a disk is big.
const FINISHED_KEPT: TimeDelta = TimeDelta::days(90);

/// How long the record of an event is kept. Nothing reads it to work: listeners were told when it
/// happened, and waiting runs carry a copy. As long as the runs that came of it, so that a question
/// about one finds the other.
const EVENTS_KEPT: TimeDelta = TimeDelta::days(90);

/// Deleted in one transaction: small enough not to hold SQLite's one writer for long.
const SWEEP_BATCH: u64 = 500;

/// Batches of one kind in one night; what is more waits for the next.
const SWEEP_BATCHES_MAX: u32 = 200;

pub(crate) async fn sweep(work: Work, (): ()) -> Result<(), Failure> {
    let now = work.core.clock.now();
    let store = &work.core.store;
    let runs = in_batches(|| Box::pin(ledger::delete_finished(store, now - FINISHED_KEPT, SWEEP_BATCH))).await?;
    let events = in_batches(|| Box::pin(delete_events(store, now - EVENTS_KEPT))).await?;
    // They say themselves how long they hold.
    let keys = in_batches(|| Box::pin(delete_keys(store))).await?;
    tracing::info!(event = "flows.swept", runs, events, idempotency_keys = keys, "what was kept long enough was deleted");
    Ok(())
}

/// Deletes batch by batch until one is not full; counts all.
async fn in_batches<'a>(batch: impl Fn() -> BoxFuture<'a, Result<u64, StoreError>> + Send) -> Result<u64, StoreError> {
    let mut count = 0;
    for _ in 0..SWEEP_BATCHES_MAX {
        let deleted = batch().await?;
        count += deleted;
        if deleted < SWEEP_BATCH {
            break;
        }
    }
    Ok(count)
}

async fn delete_events(store: &Store, before: At) -> Result<u64, StoreError> {
    let mut door = store.system("flows: delete old events").await?;
    let deleted = door.sweep_outbox(before, SWEEP_BATCH).await?;
    door.commit().await?;
    Ok(deleted)
}

async fn delete_keys(store: &Store) -> Result<u64, StoreError> {
    let mut door = store.system("flows: delete expired idempotency keys").await?;
    let deleted = door.sweep_idempotency_keys(SWEEP_BATCH).await?;
    door.commit().await?;
    Ok(deleted)
}
