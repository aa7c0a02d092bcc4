//! Sweeping out: finished runs are kept for a while, for questions and for their dedupe keys, and
//! then deleted. Dead letters stay until somebody decides.

use chrono::TimeDelta;
use host::Work;
use kernel::Failure;

use crate::ledger;
use crate::names::Activity;

pub(crate) const SWEEP: Activity<(), ()> = Activity::new("flows.sweep");

/// How long a finished run is kept: longer than any dedupe key is worth, shorter than a disk is big.
const FINISHED_KEPT: TimeDelta = TimeDelta::days(90);

/// Deleted in one transaction: small enough not to hold SQLite's one writer for long.
const SWEEP_BATCH: u64 = 500;

/// Batches of one night; what is more waits for the next.
const SWEEP_BATCHES_MAX: u32 = 200;

pub(crate) async fn sweep(work: Work, (): ()) -> Result<(), Failure> {
    let before = work.core.clock.now() - FINISHED_KEPT;
    for _ in 0..SWEEP_BATCHES_MAX {
        if ledger::delete_finished(&work.core.store, before, SWEEP_BATCH).await? < SWEEP_BATCH {
            break;
        }
    }
    Ok(())
}
