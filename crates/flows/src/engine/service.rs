//! The service that keeps an engine busy: woken by a start or a signal in this process, by the next
//! due time, by news of what other processes started, and by a poll where no news can be told.

use std::sync::LazyLock;
use std::time::Duration;

use host::Core;
use kernel::Failure;
use store::Store;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::{Batch, Engine};
use crate::ledger;

/// The first look after a nudge: many starts at once are one look.
const LOOK_FIRST: Duration = Duration::from_millis(5);

/// One for the process: a nudge that was meant for another store costs one indexed read.
static NUDGE: LazyLock<Notify> = LazyLock::new(Notify::new);

/// What other processes are told when there is work.
const WAKE: &str = "flows.wake";

/// Says that there may be work soon, here and in the other processes.
pub(crate) fn nudge(store: &Store) {
    NUDGE.notify_waiters();
    store.key_value().tell(WAKE, "");
}

/// Works until the process stops. Looks again and again in growing pauses after each sign of work: work
/// seldom comes alone, and a run that somebody had a lock on when we looked is not left to the slow poll.
pub(crate) async fn serve(core: Core) -> Result<(), Failure> {
    let engine = core.parts.get::<Engine>();
    let mut elsewhere = core.store.key_value().hear(WAKE);
    let stopping = core.tasks.stopping();
    tokio::pin!(stopping);
    let mut pause = LOOK_FIRST;
    while !core.tasks.is_stopping() {
        let nudged = NUDGE.notified();
        let freed = engine.held.freed();
        let taken = engine.pass(&core).await;
        pause = if taken { LOOK_FIRST } else { (pause * 2).min(engine.options.poll_max()) };
        let wait = engine.wait(&core, pause).await;
        tokio::select! {
            () = &mut stopping => break,
            () = nudged => {
                pause = LOOK_FIRST;
                // Many starts at once are one look: without this pause every one of them would be a look of
                // its own.
                sleep(LOOK_FIRST).await;
            }
            _ = elsewhere.next() => pause = LOOK_FIRST,
            // A finished run leaves a place, and often the next step of something else.
            () = freed => pause = LOOK_FIRST,
            () = sleep(wait) => (),
        }
    }
    Ok(())
}

impl Engine {
    /// Starts what is due as far as there are places; says whether there was any.
    async fn pass(&self, core: &Core) -> bool {
        let claimed: Result<Batch, Failure> = async {
            self.tick(core).await?;
            Ok(self.claim(core, self.places()).await?.batch)
        }
        .await;
        let batch = claimed.unwrap_or_else(|wrong| {
            tracing::warn!(event = "flows.claim_failed", cause = %wrong, "due work could not be claimed");
            Vec::new()
        });
        let taken = !batch.is_empty();
        for (run, hold) in batch {
            let in_task = core.clone();
            core.tasks.spawn("flows.run", async move {
                let engine = in_task.parts.get::<Engine>();
                engine.drive(&in_task, run, hold).await;
            });
        }
        taken
    }

    /// How long to sleep: up to `pause`, less when something falls due before. Without a free place
    /// only a finished run is worth waking up for.
    async fn wait(&self, core: &Core, pause: Duration) -> Duration {
        if self.places() == 0 {
            return self.options.poll_max();
        }
        let Ok(due) = ledger::next_due(&core.store).await else { return pause };
        let until_due = due.soonest().and_then(|at| (at - core.clock.now()).to_std().ok());
        until_due.map_or(pause, |until| until.clamp(LOOK_FIRST, pause))
    }
}
