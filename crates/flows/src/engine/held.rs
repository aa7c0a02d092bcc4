//! Which runs this process is working on right now.
//!
//! The lease in the database tells other processes; this set tells ourselves, so that a clock that
//! is moved past all leases does not make us work on one run twice at once.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kernel::RunId;
use tokio::sync::Notify;

#[derive(Clone, Default)]
pub(crate) struct Held(Arc<Inner>);

#[derive(Default)]
struct Inner {
    runs: Mutex<HashSet<RunId>>,
    freed: Notify,
}

/// Held until dropped, also when the work panics or is dropped half way.
pub(crate) struct Hold {
    held: Held,
    run: RunId,
}

impl Held {
    fn runs(&self) -> MutexGuard<'_, HashSet<RunId>> {
        self.0.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn hold(&self, run: RunId) -> Hold {
        self.runs().insert(run);
        Hold { held: self.clone(), run }
    }

    pub(crate) fn contains(&self, run: RunId) -> bool {
        self.runs().contains(&run)
    }

    pub(crate) fn len(&self) -> usize {
        self.runs().len()
    }

    /// Resolves when a run was let go of after this future was made.
    pub(crate) fn freed(&self) -> tokio::sync::futures::Notified<'_> {
        self.0.freed.notified()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.held.runs().remove(&self.run);
        self.held.0.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hold_ends_when_it_is_dropped() {
        let held = Held::default();
        let run = RunId::new("2026-03-01T12:00:00Z".parse().expect("a valid instant"));
        let hold = held.hold(run);
        assert!(held.contains(run) && held.len() == 1);
        let mut freed = std::pin::pin!(held.freed());
        freed.as_mut().enable();
        drop(hold);
        freed.await;
        assert_eq!(held.len(), 0);
    }
}
