//! The embedded engine: claims due runs from the database, drives them, and lets them go.
//!
//! Many engines may work on one database. A claim carries a lease and a fencing token: whoever comes
//! late finds that his token is old, and writes nothing.

mod act;
mod dead;
mod drive;
mod held;
mod service;
mod sweep;
mod ticks;

use std::time::Duration;

use futures::StreamExt as _;
use host::Core;
use kernel::{At, Failure, chance};
use store::StoreError;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout_at};

pub use dead::DeadLetter;
pub(crate) use service::{nudge, serve};
pub(crate) use sweep::{SWEEP, sweep};

use crate::catalog::Catalog;
use crate::config::FlowsConfig;
use crate::ledger::{self, Claimed};
use drive::Drive;
use held::{Held, Hold};

/// How long [`Engine::work_off`] and [`Engine::run_until`] begin new work, in real time: they are
/// called within requests, and those have 30 seconds.
const WORK_OFF_TIME_MAX: Duration = Duration::from_secs(20);

/// The pause before work is looked for again that was due and could not be taken: somebody had a lock on
/// it for the length of a transaction.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Claimed runs with the marks that say so.
type Batch = Vec<(Claimed, Hold)>;

/// What came of looking for work.
#[derive(Default)]
struct Look {
    batch: Batch,
    /// Whether something was due, which may be in somebody else's hands at this moment.
    is_due: bool,
    /// Whether this process had nothing in hand when it looked. Only then is what was not found not there:
    /// a run that ends while the database answers may leave another one behind.
    was_idle: bool,
}

/// The part that works. Provided once per process: `core.parts.get::<Engine>()`.
pub struct Engine {
    pub(crate) options: FlowsConfig,
    held: Held,
    /// Held from the look at `held` and at the database until what was claimed is marked in `held`:
    /// otherwise [`Engine::work_off`] could see nothing due and nothing in hand while there is both.
    claiming: Mutex<()>,
    /// Names this process in the rows that it holds.
    worker: String,
}

/// What is left to do after [`Engine::work_off`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Runs that are due by our clock and not finished or parked.
    pub due: u64,
}

impl Engine {
    pub fn new(options: FlowsConfig) -> Self {
        Self { options, held: Held::default(), claiming: Mutex::new(()), worker: hex(chance::bytes::<4>()) }
    }

    /// Works off all that is due by our clock: for a clock that was moved, and for tests. Takes at
    /// most `runs_max` turns of runs, so that work which keeps coming back does not keep the caller.
    pub async fn work_off(&self, core: &Core, runs_max: u64) -> Result<Left, Failure> {
        self.work_off_by(core, runs_max, Instant::now() + WORK_OFF_TIME_MAX).await
    }

    async fn work_off_by(&self, core: &Core, runs_max: u64, deadline: Instant) -> Result<Left, Failure> {
        let mut budget = runs_max;
        while budget > 0 && Instant::now() < deadline && !core.tasks.is_stopping() {
            self.tick(core).await?;
            let freed = self.held.freed();
            let places = self.places().min(usize::try_from(budget).unwrap_or(usize::MAX));
            let Look { batch, is_due, was_idle } = self.claim(core, places).await?;
            if batch.is_empty() {
                match (was_idle, is_due) {
                    // What the service has in hand is waited for: its next step may be due at once.
                    (false, _) => {
                        let _ = timeout_at(deadline, freed).await;
                    }
                    (true, true) => sleep(LOOK_AGAIN).await,
                    (true, false) => break,
                }
                continue;
            }
            budget = budget.saturating_sub(batch.len() as u64);
            futures::stream::iter(batch).for_each_concurrent(None, |(run, hold)| self.drive(core, run, hold)).await;
        }
        Ok(Left { due: ledger::count_due(&core.store).await? })
    }

    /// Moves our clock to `target` in the steps that the work asks for: whatever is due on the way
    /// happens at its own time, so that a schedule of thirty days runs as it would have.
    pub async fn run_until(&self, core: &Core, target: At, runs_max: u64) -> Result<Left, Failure> {
        let deadline = Instant::now() + WORK_OFF_TIME_MAX;
        for _ in 0..runs_max {
            let left = self.work_off_by(core, runs_max, deadline).await?;
            match self.next_due(core).await? {
                Some(due) if due <= target && left.due == 0 => core.clock.set(due.max(core.clock.now())),
                _ => break,
            }
        }
        core.clock.set(target);
        self.work_off_by(core, runs_max, deadline).await
    }

    /// When the next run is due; `None` when nothing waits for a time.
    pub async fn next_due(&self, core: &Core) -> Result<Option<At>, Failure> {
        Ok(ledger::next_due(&core.store).await?.soonest())
    }

    /// How many more runs this process may hold.
    fn places(&self) -> usize {
        usize::try_from(self.options.concurrency).unwrap_or(usize::MAX).saturating_sub(self.held.len())
    }

    /// Claims at most `count` due runs that this process does not hold already.
    async fn claim(&self, core: &Core, count: usize) -> Result<Look, StoreError> {
        let _one_at_a_time = self.claiming.lock().await;
        let was_idle = self.held.len() == 0;
        if count == 0 || !ledger::next_due(&core.store).await?.is_due(core.clock.now(), self.options.lease()) {
            return Ok(Look { was_idle, ..Look::default() });
        }
        let claimed = ledger::claim(&core.store, &self.worker, self.options.lease(), count, |run| self.held.contains(run)).await?;
        let batch = claimed.into_iter().map(|run| (self.held.hold(run.id), run)).map(|(hold, run)| (run, hold)).collect();
        Ok(Look { batch, is_due: true, was_idle })
    }

    /// Drives one run; what goes wrong with the database is logged, and the lease brings it back.
    async fn drive(&self, core: &Core, run: Claimed, hold: Hold) {
        let Some(catalog) = core.registry.get_slot::<Catalog>() else { return };
        let id = run.id;
        match Drive::new(self, core, catalog, run).run().await {
            Ok(end) => tracing::debug!(event = "flows.run_driven", run = %id, end = ?end, "a run was driven"),
            Err(wrong) => tracing::warn!(event = "flows.drive_failed", run = %id, cause = %wrong, "a run waits for its lease to end"),
        }
        drop(hold);
    }
}

fn hex(bytes: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(bytes))
}
