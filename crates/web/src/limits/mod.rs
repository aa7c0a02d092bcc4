//! Limits: how often something may be done within a time, by whom.
//!
//! Which limits there are stands in one table, the section `limits` of the settings. Where a thing is
//! counted follows from what the count is for. **Ways in** and whatever sends mail *fail closed*: they
//! are counted in the platform's table `attempt_counters`, because a guesser must gain nothing from a
//! cache that is flushed, a restart, or a second replica. **Flows of requests** *fail open*: they are
//! counted on the key-value side, in this process or in the Valkey that the replicas share, because a
//! count may be lost and must never cost anybody a query.
//!
//! The table `attempt_counters` is made by a step of the room `tenancy`, where the ways in were
//! counted first; steps that have run are not rewritten.

mod counter;
mod flow;
mod standing;
mod table;

use std::net::IpAddr;

use ::store::System;
use host::{Core, Registry};
use kernel::{Failure, General};

pub use counter::{Counters, Whose, forget_ended};
pub use table::{LimitsConfig, Way};

pub(crate) use flow::by_caller;
pub(crate) use standing::{Standing, tell, watched};

use crate::ctx::Ctx;
use table::Limits;

pub(crate) fn register(app: &mut Registry) {
    let limits = Limits::of(app);
    app.provide(limits);
}

/// Counts one try before anything is done for it, whatever becomes of it. `Err` with 429 and the
/// seconds to wait when it was one too many.
pub async fn count(core: &Core, way: Way, whose: &[Whose<'_>]) -> Result<(), Failure> {
    if way.fails_open() {
        return flow::count(core, way, whose).await;
    }
    let counters = Counters::of(core, way, whose);
    // A transaction of its own: the count stays when what was tried is refused.
    let mut system: System = core.store.system("a try is counted").await?;
    let counted = counters.raise(&mut system, core.clock.now_secure()).await?;
    system.commit().await?;
    counted
}

/// Counts a credential that was not seen here before, by the network it comes from, before anything is
/// looked up for it: whoever makes them up costs so many looks and no more. How it stands is not told:
/// what an honest caller reads is how they stand with their own limits.
pub async fn count_credential(core: &Core, address: IpAddr) -> Result<(), Failure> {
    watched(by_caller(core, Way::Credential, None, address)).await.0
}

/// As [`count`], where the answer must not tell how it stands: whether it was still within the limit.
pub async fn count_unseen(core: &Core, way: Way, whose: &[Whose<'_>]) -> Result<bool, Failure> {
    match watched(count(core, way, whose)).await.0 {
        Ok(()) => Ok(true),
        Err(failure) if failure.code == Failure::new(General::RateLimited).code => Ok(false),
        Err(failure) => Err(failure),
    }
}

/// Counts one more request of a kind that has rows of its own, by whoever sent it: the key or the
/// person, and the organization; a stranger by the network. `Err` with 429 as for [`count`].
pub async fn count_caller(ctx: &Ctx, way: Way) -> Result<(), Failure> {
    by_caller(ctx.core(), way, ctx.somebody(), ctx.address()).await
}
