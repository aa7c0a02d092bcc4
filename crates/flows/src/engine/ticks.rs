//! The hands of the clock: starts one run for each schedule whose tick has come.

use host::Core;
use kernel::Failure;

use super::Engine;
use crate::catalog::Catalog;
use crate::ledger;

impl Engine {
    /// Starts what the schedules ask for. Every replica may try; the dedupe key of the tick lets
    /// exactly one run through.
    pub(super) async fn tick(&self, core: &Core) -> Result<(), Failure> {
        let schedules = core.registry.get_slot::<Catalog>().map_or(&[][..], Catalog::schedules);
        if schedules.is_empty() {
            return Ok(());
        }
        let known = ledger::last_ticks(&core.store).await?;
        let now = core.clock.now();
        for schedule in schedules {
            match known.get(schedule.name) {
                // A new schedule begins with its next tick, not with one from before it was known.
                None => ledger::begin_schedule(&core.store, schedule.name).await?,
                Some(last) => {
                    if let Some(tick) = schedule.due(*last, now) {
                        ledger::start_tick(&core.store, schedule, tick).await?;
                    }
                }
            }
        }
        Ok(())
    }
}
