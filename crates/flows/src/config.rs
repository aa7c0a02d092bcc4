//! The settings of this room.

use std::time::Duration;

/// Runs that are due later than this start without waking anybody up.
pub(crate) const POLL_MAX_MOST_MS: i64 = 60_000;

host::section! {
    /// Durable work.
    pub struct FlowsConfig("flows") {
        /// How many runs one process works on at the same time.
        concurrency: u32 = 8,
        /// Seconds that a claimed run belongs to its worker without a sign of life. A run of a worker
        /// that died is taken over after this time.
        lease_s: u64 = 30,
        /// Seconds that a step under way may go on when the process stops; then it is given up and
        /// runs again elsewhere. Less than `server.stop_timeout_s`.
        stop_grace_s: u64 = 10,
        /// Longest pause between looks for work that another process started, in milliseconds; a
        /// minute at most.
        poll_max_ms: u64 = 2000,
    }
}

impl FlowsConfig {
    pub(crate) fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_s.max(1))
    }

    pub(crate) fn stop_grace(&self) -> Duration {
        Duration::from_secs(self.stop_grace_s)
    }

    pub(crate) fn poll_max(&self) -> Duration {
        Duration::from_millis(self.poll_max_ms.clamp(10, POLL_MAX_MOST_MS.unsigned_abs()))
    }
}
