//! How often and when a failed activity is tried again.

use std::time::Duration;

use kernel::chance;

/// The plan for an activity's retries. The wait is kept with the run, so it outlives a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Attempts in all, the first one included; at least one.
    pub max: u32,
    /// The wait after the first failure.
    pub first: Duration,
    /// Each further wait is this many times the one before.
    pub factor: u32,
    /// No wait is longer than this.
    pub cap: Duration,
}

/// A wait is spread by a fifth to either side, so that what failed together does not return together.
const JITTER_PERCENT: u64 = 20;

impl Retry {
    /// Never again: for what must happen at most once.
    pub const NEVER: Self = Self { max: 1, first: Duration::ZERO, factor: 1, cap: Duration::ZERO };

    /// Ten attempts within about seven hours: long enough for a night's outage of a neighbour,
    /// short enough that a dead letter is seen the next morning.
    pub const STANDARD: Self = Self { max: 10, first: Duration::from_secs(2), factor: 4, cap: Duration::from_hours(2) };

    /// The wait after so many failures, without jitter.
    pub fn delay(&self, failures: u32) -> Duration {
        let factor = self.factor.max(1).checked_pow(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.cap)
    }

    /// The wait after so many failures, spread by [`JITTER_PERCENT`].
    pub fn jittered(&self, failures: u32) -> Duration {
        let delay = self.delay(failures);
        let span_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX) / 100 * JITTER_PERCENT;
        let floor = delay.saturating_sub(Duration::from_millis(span_ms));
        floor + Duration::from_millis(chance::below(span_ms.saturating_mul(2).saturating_add(1)))
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self::STANDARD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_cap() {
        let retry = Retry { max: 5, first: Duration::from_secs(1), factor: 3, cap: Duration::from_secs(20) };
        let waits: Vec<u64> = (1..=5).map(|failures| retry.delay(failures).as_secs()).collect();
        assert_eq!(waits, [1, 3, 9, 20, 20]);
        assert_eq!(retry.delay(u32::MAX).as_secs(), 20);
    }

    #[test]
    fn jitter_stays_within_a_fifth() {
        let retry = Retry::STANDARD;
        for _ in 0..200 {
            let wait = retry.jittered(3).as_millis();
            assert!((25_600..=38_400).contains(&wait), "{wait}");
        }
    }
}
