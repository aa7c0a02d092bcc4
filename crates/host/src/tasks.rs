//! Work in the background, tracked: nothing is spawned that the process does not wait for when it
//! stops.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// A cheap handle to all background work of the process.
#[derive(Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stopping: CancellationToken,
    draining: Arc<AtomicBool>,
}

impl Tasks {
    /// Runs `work` beside everything else. A panic in it is logged and ends only this task.
    pub fn spawn(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let span = tracing::info_span!("task", task = name);
        let guarded = async move {
            if AssertUnwindSafe(work).catch_unwind().await.is_err() {
                tracing::error!(event = "host.task_panicked", task = name, "a background task panicked");
            }
        };
        self.tracker.spawn(guarded.instrument(span));
    }

    /// Resolves when the process begins to stop. Whoever loops selects on it.
    pub fn stopping(&self) -> impl Future<Output = ()> + Send + Sync + 'static {
        self.stopping.clone().cancelled_owned()
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    /// From now on `/readyz` says no, so that the balancer sends its requests elsewhere, while those
    /// that come are still served.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst) || self.is_stopping()
    }

    /// Tells all work to end and waits for it, at most `timeout`. `false` when something was left.
    pub async fn stop(&self, timeout: Duration) -> bool {
        self.drain();
        self.stopping.cancel();
        self.tracker.close();
        tokio::time::timeout(timeout, self.tracker.wait()).await.is_ok()
    }

    /// How many tasks run at the moment.
    pub fn running(&self) -> usize {
        self.tracker.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn stopping_waits_for_what_was_spawned() {
        let tasks = Tasks::default();
        let ended = Arc::new(AtomicBool::new(false));
        let (signal, flag) = (tasks.stopping(), ended.clone());
        tasks.spawn("waits", async move {
            signal.await;
            flag.store(true, Ordering::SeqCst);
        });
        assert!(!tasks.is_draining());
        assert!(tasks.stop(Duration::from_secs(5)).await);
        assert!(ended.load(Ordering::SeqCst));
        assert!(tasks.is_draining());
    }

    #[tokio::test]
    async fn a_task_that_will_not_end_is_given_up() {
        let tasks = Tasks::default();
        tasks.spawn("hangs", futures::future::pending());
        assert!(!tasks.stop(Duration::from_millis(5)).await);
    }

    #[tokio::test]
    async fn a_panic_ends_only_its_own_task() {
        let tasks = Tasks::default();
        tasks.spawn("panics", async { panic!("on purpose") });
        assert!(tasks.stop(Duration::from_secs(5)).await);
    }
}
