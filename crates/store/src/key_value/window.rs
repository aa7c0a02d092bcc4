//! Counting within windows of time. A window begins with the first that is counted in it and ends
//! when its length is over by our clock.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};

use chrono::Duration;
use kernel::At;

/// Locks that share the work: many more than cores, so that two rarely meet.
const SHARDS: usize = 64;
/// Open windows in one shard: in all some 260,000, or twenty megabytes.
const WINDOWS_MAX: usize = 4096;
/// How many of those that end soonest make room when a shard is full.
const MAKE_ROOM: usize = WINDOWS_MAX / 8;

/// Something that is counted: what, whose, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub scope: &'static str,
    /// An id, or the beginning of a digest: nothing of what it stands for can be read in it.
    pub whose: u128,
    pub length: Duration,
}

/// How a window stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// How many were counted, this one included.
    pub count: u64,
    pub ends_at: At,
}

type Key = (&'static str, u128);

/// The windows of this process. A lock is held for a few instructions and never while anything is
/// waited for.
pub(super) struct Windows {
    hasher: RandomState,
    shards: Vec<Mutex<HashMap<Key, Counted>>>,
}

impl Default for Windows {
    fn default() -> Self {
        Self { hasher: RandomState::new(), shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl Windows {
    pub fn count(&self, window: &Window, now: At) -> Counted {
        let key = (window.scope, window.whose);
        let shard = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or_default();
        // A panic between two changes can't leave a map half changed.
        let mut open = self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= WINDOWS_MAX && !open.contains_key(&key) {
            make_room(&mut open, now);
        }
        let fresh = Counted { count: 0, ends_at: now + window.length };
        let standing = open.entry(key).or_insert(fresh);
        // One that ends later than a new one would was begun before our clock was moved back.
        if standing.ends_at <= now || standing.ends_at > fresh.ends_at {
            *standing = fresh;
        }
        standing.count = standing.count.saturating_add(1);
        *standing
    }
}

fn make_room(open: &mut HashMap<Key, Counted>, now: At) {
    open.retain(|_, standing| standing.ends_at > now);
    if open.len() < WINDOWS_MAX {
        return;
    }
    let mut soonest: Vec<At> = open.values().map(|standing| standing.ends_at).collect();
    let (_, limit, _) = soonest.select_nth_unstable(MAKE_ROOM);
    let limit = *limit;
    open.retain(|_, standing| standing.ends_at > limit);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> At {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    fn window(whose: u128) -> Window {
        Window { scope: "request", whose, length: Duration::seconds(60) }
    }

    #[test]
    fn a_window_begins_with_the_first_and_ends_by_our_clock() {
        let windows = Windows::default();
        let ends_at = noon() + Duration::seconds(60);
        assert_eq!(windows.count(&window(1), noon()), Counted { count: 1, ends_at });
        assert_eq!(windows.count(&window(1), noon() + Duration::seconds(59)), Counted { count: 2, ends_at });
        assert_eq!(windows.count(&window(1), ends_at), Counted { count: 1, ends_at: ends_at + Duration::seconds(60) });
    }

    #[test]
    fn each_has_a_window_of_their_own() {
        let windows = Windows::default();
        windows.count(&window(1), noon());
        assert_eq!(windows.count(&window(2), noon()).count, 1);
        assert_eq!(windows.count(&Window { scope: "intake", ..window(1) }, noon()).count, 1);
    }

    #[test]
    fn a_clock_that_is_moved_back_locks_nobody_out() {
        let windows = Windows::default();
        windows.count(&window(1), noon());
        let before = noon() - Duration::days(1);
        assert_eq!(windows.count(&window(1), before), Counted { count: 1, ends_at: before + Duration::seconds(60) });
    }

    #[test]
    fn a_crowd_of_strangers_takes_a_bounded_place() {
        let windows = Windows::default();
        for whose in 0..(SHARDS * WINDOWS_MAX * 2) as u128 {
            windows.count(&window(whose), noon());
        }
        assert!(windows.shards.iter().all(|shard| shard.lock().unwrap().len() <= WINDOWS_MAX));
    }
}
