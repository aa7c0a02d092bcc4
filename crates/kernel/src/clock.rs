//! The one clock. Everything that asks what time it is asks here, so that a test, a demo or the
//! sandbox can move time for all rooms at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use chrono::{DateTime, Duration, Utc};

use crate::At;

/// A cheap handle to the shared clock; clones show the same time.
#[derive(Clone)]
pub struct Clock(Arc<Inner>);

struct Inner {
    /// Microseconds added to the source; moved by [`Clock::advance`] and [`Clock::set`].
    offset_us: AtomicI64,
    /// The latest instant that was ever shown, less the time that had passed in this process by then;
    /// see [`Clock::now_secure`].
    high_water_us: AtomicI64,
    /// A watch that nobody can set.
    began: Instant,
    source: Source,
}

enum Source {
    System,
    /// Stands still except when moved.
    Standing,
}

impl Clock {
    /// The machine's clock, with an offset of nothing.
    pub fn system() -> Self {
        Self::build(Source::System, 0)
    }

    /// A clock that stands at `at` until it is moved.
    pub fn standing(at: At) -> Self {
        Self::build(Source::Standing, at.timestamp_micros())
    }

    fn build(source: Source, offset_us: i64) -> Self {
        Self(Arc::new(Inner { offset_us: offset_us.into(), high_water_us: i64::MIN.into(), began: Instant::now(), source }))
    }

    fn source_us(&self) -> i64 {
        match self.0.source {
            #[expect(clippy::disallowed_methods, reason = "this is the one clock that the ban points to")]
            Source::System => Utc::now().timestamp_micros(),
            Source::Standing => 0,
        }
    }

    /// The time that has passed in this process, whatever was done to the machine's clock.
    fn passed_us(&self) -> i64 {
        match self.0.source {
            Source::System => i64::try_from(self.0.began.elapsed().as_micros()).unwrap_or(i64::MAX),
            Source::Standing => 0,
        }
    }

    /// Now, in UTC, truncated to microseconds.
    pub fn now(&self) -> At {
        let us = self.source_us().saturating_add(self.0.offset_us.load(Ordering::SeqCst));
        self.0.high_water_us.fetch_max(us.saturating_sub(self.passed_us()), Ordering::SeqCst);
        from_micros(us)
    }

    /// Now, but never earlier than any instant shown before: an expiry that has passed stays passed
    /// even when the machine's clock is set back. It does not stand still there either, or a token
    /// would live a day too long on a clock that was set back by one: from the latest instant that was
    /// shown on, the time that really passes is counted.
    pub fn now_secure(&self) -> At {
        let now = self.now();
        now.max(self.high_water())
    }

    /// The latest instant that was ever shown: what has to be kept so that security time does not
    /// run backwards over a restart.
    pub fn high_water(&self) -> At {
        from_micros(self.0.high_water_us.load(Ordering::SeqCst).saturating_add(self.passed_us()))
    }

    /// Restores a mark that was kept; a lower one than ours changes nothing.
    pub fn raise_high_water(&self, mark: At) {
        self.0.high_water_us.fetch_max(mark.timestamp_micros().saturating_sub(self.passed_us()), Ordering::SeqCst);
    }

    /// Moves time by `by`, forwards or backwards.
    pub fn advance(&self, by: Duration) {
        let us = by.num_microseconds().unwrap_or(i64::MAX / 4);
        self.0.offset_us.fetch_add(us, Ordering::SeqCst);
    }

    /// Moves time to `to`.
    pub fn set(&self, to: At) {
        self.0.offset_us.store(to.timestamp_micros() - self.source_us(), Ordering::SeqCst);
    }

    /// How far this clock is ahead of its source: what has to be kept to survive a restart.
    pub fn offset(&self) -> Duration {
        Duration::microseconds(self.0.offset_us.load(Ordering::SeqCst))
    }

    /// Restores an offset that was kept.
    pub fn set_offset(&self, offset: Duration) {
        self.0.offset_us.store(offset.num_microseconds().unwrap_or(0), Ordering::SeqCst);
    }

    /// Whether the clock moves by itself. A standing clock is moved by a test.
    pub fn runs(&self) -> bool {
        matches!(self.0.source, Source::System)
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

fn from_micros(us: i64) -> At {
    DateTime::from_timestamp_micros(us).unwrap_or(if us < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC })
}

/// `at` without anything finer than a microsecond.
pub fn to_micros(at: At) -> At {
    from_micros(at.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> At {
        "2026-03-01T12:00:00Z".parse().expect("a valid instant")
    }

    #[test]
    fn a_standing_clock_moves_only_when_moved() {
        let clock = Clock::standing(noon());
        assert_eq!(clock.now(), noon());
        clock.advance(Duration::hours(2));
        assert_eq!(clock.clone().now(), noon() + Duration::hours(2));
    }

    #[test]
    fn security_time_never_runs_backwards() {
        let clock = Clock::standing(noon());
        clock.advance(Duration::hours(1));
        let seen = clock.now();
        clock.advance(-Duration::days(1));
        assert_eq!(clock.now_secure(), seen);
        assert!(clock.now() < seen);
    }

    #[test]
    fn security_time_goes_on_while_the_clock_is_set_back() {
        let clock = Clock::system();
        clock.now();
        clock.advance(-Duration::days(1));
        let (began, seen) = (Instant::now(), clock.now_secure());
        while began.elapsed().as_millis() < 3 {
            std::thread::yield_now();
        }
        assert!(clock.now_secure() - seen >= Duration::milliseconds(3));
        assert!(clock.now_secure() - clock.now() > Duration::hours(23));
    }

    #[test]
    fn a_mark_that_was_kept_holds_for_security_time_only() {
        let clock = Clock::standing(noon());
        clock.raise_high_water(noon() + Duration::hours(1));
        clock.raise_high_water(noon() - Duration::hours(1));
        assert_eq!(clock.now(), noon());
        assert_eq!(clock.now_secure(), noon() + Duration::hours(1));
        assert_eq!(clock.high_water(), clock.now_secure());
    }

    #[test]
    fn the_system_clock_shows_no_nanoseconds() {
        assert_eq!(Clock::system().now().timestamp_subsec_nanos() % 1000, 0);
    }
}
