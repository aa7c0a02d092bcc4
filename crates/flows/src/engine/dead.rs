//! Dead letters: runs that ended with a fault. They are kept with their reason until somebody mends
//! the cause and replays them.

use host::Core;
use kernel::{At, Failure, OrgId, RunId};
use serde::Serialize;

use super::{Engine, nudge};
use crate::ledger;

/// A run that gave up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeadLetter {
    pub id: RunId,
    pub org: Option<OrgId>,
    pub workflow: String,
    pub version: i32,
    pub dedupe_key: String,
    /// Code and sentence of the fault.
    pub reason: String,
    pub died_at: At,
}

/// The most that is listed at once: what fits on a screen and a half.
const DEAD_LETTERS_MAX: u64 = 100;

impl Engine {
    /// The latest dead letters, newest first, at most [`DEAD_LETTERS_MAX`].
    pub async fn dead_letters(&self, core: &Core) -> Result<Vec<DeadLetter>, Failure> {
        Ok(ledger::dead_letters(&core.store, DEAD_LETTERS_MAX).await?)
    }

    /// Opens a dead run again. What it did stays done; the step that failed is tried anew with all
    /// its attempts. `false` when there is no dead run of this id.
    pub async fn replay(&self, core: &Core, run: RunId) -> Result<bool, Failure> {
        let replayed = ledger::replay(&core.store, run).await?;
        if replayed {
            nudge(&core.store);
        }
        Ok(replayed)
    }
}
