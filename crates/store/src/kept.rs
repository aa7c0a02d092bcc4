//! Whether a piece of work committed a change: what committed nothing may be done once more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

tokio::task_local! {
    static KEPT: Arc<AtomicBool>;
}

/// Runs `work` and tells whether it committed, or tried to commit, a transaction for writing. Work
/// that it spawns is not watched.
pub async fn watched<F: Future>(work: F) -> (F::Output, bool) {
    let kept = Arc::new(AtomicBool::new(false));
    let output = KEPT.scope(kept.clone(), work).await;
    (output, kept.load(Ordering::Acquire))
}

/// Notes that a change is about to be kept. Said before the commit: should its answer be lost, it
/// counts as kept.
pub(crate) fn note() {
    // Outside of watched work nobody asks.
    let _ = KEPT.try_with(|kept| kept.store(true, Ordering::Release));
}
