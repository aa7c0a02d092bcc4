//! Texts by key, kept in this process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kernel::At;

/// Entries kept at once: some ten megabytes of short texts.
const ENTRIES_MAX: usize = 100_000;
/// How many of the entries that expire soonest make room when it is full: a tenth, so that the
/// search is paid rarely.
const MAKE_ROOM: usize = ENTRIES_MAX / 10;

#[derive(Default)]
pub(super) struct Entries(Mutex<HashMap<String, Entry>>);

struct Entry {
    value: String,
    until: At,
}

impl Entries {
    fn entries(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        // A panic between two changes can't leave the map half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn get(&self, key: &str, now: At) -> Option<String> {
        self.entries().get(key).filter(|entry| entry.until > now).map(|entry| entry.value.clone())
    }

    pub fn put(&self, key: String, value: String, until: At, now: At) {
        let mut entries = self.entries();
        if entries.len() >= ENTRIES_MAX {
            make_room(&mut entries, now);
        }
        entries.insert(key, Entry { value, until });
    }

    pub fn delete(&self, key: &str) {
        self.entries().remove(key);
    }
}

fn make_room(entries: &mut HashMap<String, Entry>, now: At) {
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

    #[test]
    fn a_value_expires_at_its_instant_and_not_before() {
        let entries = Entries::default();
        let until = noon() + Duration::minutes(5);
        entries.put("a".into(), "1".into(), until, noon());
        assert_eq!(entries.get("a", until - Duration::microseconds(1)).as_deref(), Some("1"));
        assert_eq!(entries.get("a", until), None);
    }

    #[test]
    fn a_deleted_value_is_gone_and_its_neighbour_stays() {
        let entries = Entries::default();
        for key in ["a", "b"] {
            entries.put(key.into(), "1".into(), noon() + Duration::hours(1), noon());
        }
        entries.delete("a");
        assert_eq!((entries.get("a", noon()), entries.get("b", noon()).as_deref()), (None, Some("1")));
    }

    #[test]
    fn a_full_map_gives_up_what_expires_soonest() {
        let last = i64::try_from(ENTRIES_MAX).unwrap();
        let entry = |n| Entry { value: String::new(), until: noon() + Duration::seconds(n) };
        let mut entries: HashMap<String, Entry> = (1..=last).map(|n| (format!("{n:06}"), entry(n))).collect();
        make_room(&mut entries, noon());
        assert!(entries.len() < ENTRIES_MAX);
        assert!(!entries.contains_key("000001"));
        assert!(entries.contains_key(&format!("{last:06}")));
    }
}
