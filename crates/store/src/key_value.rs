//! The key-value side, kept in this process: what may be lost at a restart. Its methods are
//! `async` because a server behind the same port would be asked over the network.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kernel::{At, Clock};

/// Entries kept at once: some ten megabytes of sessions.
const ENTRIES_MAX: usize = 100_000;
/// How many of the entries that expire soonest make room when it is full: a tenth, so that the
/// search is paid rarely.
const MAKE_ROOM: usize = ENTRIES_MAX / 10;

/// Texts by key, each until an instant of our own clock.
#[derive(Clone)]
pub struct KeyValue {
    entries: Arc<Mutex<BTreeMap<String, Entry>>>,
    clock: Clock,
}

struct Entry {
    value: String,
    until: At,
}

impl KeyValue {
    pub fn new(clock: Clock) -> Self {
        Self { entries: Arc::default(), clock }
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        // A panic between two changes can't leave the map half changed.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value, unless it expired.
    pub async fn get(&self, key: &str) -> Option<String> {
        let now = self.clock.now_secure();
        self.entries().get(key).filter(|entry| entry.until > now).map(|entry| entry.value.clone())
    }

    /// Keeps a value until an instant.
    pub async fn put(&self, key: impl Into<String>, value: impl Into<String>, until: At) {
        let mut entries = self.entries();
        if entries.len() >= ENTRIES_MAX {
            make_room(&mut entries, self.clock.now_secure());
        }
        entries.insert(key.into(), Entry { value: value.into(), until });
    }

    /// Forgets a value.
    pub async fn delete(&self, key: &str) {
        self.entries().remove(key);
    }

    /// Forgets every value whose key begins so.
    pub async fn delete_prefix(&self, prefix: &str) {
        let mut entries = self.entries();
        let keys: Vec<String> =
            entries.range(prefix.to_owned()..).map(|(key, _)| key).take_while(|key| key.starts_with(prefix)).cloned().collect();
        for key in keys {
            entries.remove(&key);
        }
    }
}

fn make_room(entries: &mut BTreeMap<String, Entry>, now: At) {
    entries.retain(|_, entry| entry.until > now);
    if entries.len() < ENTRIES_MAX {
        return;
    }
    let mut soonest: Vec<At> = entries.values().map(|entry| entry.until).collect();
    let (_, limit, _) = soonest.select_nth_unstable(MAKE_ROOM);
    let limit = *limit;
    entries.retain(|_, entry| entry.until > limit);
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Duration;

    fn noon() -> At {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    #[tokio::test]
    async fn a_value_expires_by_our_own_clock() {
        let clock = Clock::standing(noon());
        let cache = KeyValue::new(clock.clone());
        cache.put("a", "1", noon() + Duration::minutes(5)).await;
        assert_eq!(cache.get("a").await.as_deref(), Some("1"));
        clock.advance(Duration::minutes(5));
        assert_eq!(cache.get("a").await, None);
    }

    #[tokio::test]
    async fn a_prefix_is_forgotten_and_its_neighbours_stay() {
        let cache = KeyValue::new(Clock::standing(noon()));
        let until = noon() + Duration::hours(1);
        for key in ["session:1", "session:2", "sessio", "sessionx"] {
            cache.put(key, "v", until).await;
        }
        cache.delete_prefix("session:").await;
        assert_eq!((cache.get("session:1").await, cache.get("session:2").await), (None, None));
        assert!(cache.get("sessio").await.is_some() && cache.get("sessionx").await.is_some());
    }

    #[test]
    fn a_full_map_gives_up_what_expires_soonest() {
        let last = i64::try_from(ENTRIES_MAX).unwrap();
        let entry = |n| Entry { value: String::new(), until: noon() + Duration::seconds(n) };
        let mut entries: BTreeMap<String, Entry> = (1..=last).map(|n| (format!("{n:06}"), entry(n))).collect();
        make_room(&mut entries, noon());
        assert!(entries.len() < ENTRIES_MAX);
        assert!(!entries.contains_key("000001"));
        assert!(entries.contains_key(&format!("{last:06}")));
    }
}
