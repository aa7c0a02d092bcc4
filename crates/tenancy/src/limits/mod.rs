//! Limits: how often something may be tried within a time, by whom.
//!
//! Which limits there are stands in one table, the section `limits` of the settings. What was tried
//! is counted in the platform's table `attempt_counters`, because most of it happens before anybody
//! knows which organization is meant, and because all processes have to see the same numbers.

mod counter;
mod table;

use ::store::System;
use host::{Core, Registry};
use kernel::Failure;

pub use counter::{Counters, Whose, forget_ended};
pub use table::{LimitsConfig, Way};

use table::Limits;

pub(crate) fn register(app: &mut Registry) {
    let limits = Limits::of(app);
    app.provide(limits);
}

/// Counts one try before anything is done for it, whatever becomes of it. `Err` with 429 and the
/// seconds to wait when it was one too many.
pub async fn count(core: &Core, way: Way, whose: &[Whose<'_>]) -> Result<(), Failure> {
    let counters = Counters::of(core, way, whose);
    // A transaction of its own: the count stays when what was tried is refused.
    let mut system: System = core.store.system("a try is counted").await?;
    let counted = counters.raise(&mut system, core.clock.now_secure()).await?;
    system.commit().await?;
    counted
}
