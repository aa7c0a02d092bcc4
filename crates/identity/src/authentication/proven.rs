//! Credentials that were once found to be true here. That says nothing about now: their rows are read
//! as ever. It tells those who have been here before from whoever makes credentials up, who is
//! counted before anything is read for them, so that a flood of forgeries from the same network locks
//! nobody out who was let in before.

use moka::sync::Cache;

/// Sessions and keys that are in use; of more than these the least used are counted like new ones.
const PROVEN_MAX: u64 = 50_000;

/// The memory, keyed by the digest of what was shown.
pub(crate) struct Proven(Cache<String, ()>);

impl Default for Proven {
    fn default() -> Self {
        Self(Cache::new(PROVEN_MAX))
    }
}

impl Proven {
    pub fn holds(&self, digest: &str) -> bool {
        // `contains_key` would not count as a use.
        self.0.get(digest).is_some()
    }

    /// To be said of what was found, and of what was made here just now.
    pub fn note(&self, digest: String) {
        self.0.insert(digest, ());
    }

    /// What is true no more is as good as made up.
    pub fn forget(&self, digest: &str) {
        self.0.invalidate(digest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_once_is_known_until_it_is_found_no_more() {
        let proven = Proven::default();
        assert!(!proven.holds("a"));
        proven.note("a".to_owned());
        assert!(proven.holds("a") && !proven.holds("b"));
        proven.forget("a");
        assert!(!proven.holds("a"));
    }
}
