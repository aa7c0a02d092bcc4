//! One attempt of an activity: outside any transaction of the engine, with the lease renewed while
//! it lasts, within its time, and given up in good order when the process stops.

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use host::{Core, Work};
use kernel::{Failure, RunId};
use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use super::Engine;
use crate::catalog::Doing;
use crate::ledger::{self, Claimed};

/// A lease is renewed three times before it runs out, so that two lost renewals do no harm.
const RENEWALS_PER_LEASE: u32 = 3;

/// How an attempt ended.
pub(super) enum Acted {
    Did(Value),
    Failed(Failure),
    /// Somebody else has the run by now; nothing more may be written for it.
    Lost,
    /// The process stops and the attempt was given up.
    Stopped,
}

/// Runs the activity once.
pub(super) async fn act(engine: &Engine, core: &Core, run: &Claimed, seq: u32, doing: &Doing, input: Value) -> Acted {
    let work = Work { core: core.clone(), org: run.org, run: run.id, attempt: run.attempt + 1, key: step_key(run.id, seq) };
    let call = AssertUnwindSafe((doing.run)(work, input)).catch_unwind();
    tokio::pin!(call);
    let time_max = sleep(doing.time_max);
    tokio::pin!(time_max);
    let stopping = async {
        core.tasks.stopping().await;
        sleep(engine.options.stop_grace()).await;
    };
    tokio::pin!(stopping);
    let beat = engine.options.lease() / RENEWALS_PER_LEASE;
    let mut renewal = interval_at(Instant::now() + beat, beat);
    renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The renewal runs beside the call, never instead of it: a call that holds the one writer of an
    // embedded database must go on for the renewal to get its turn.
    let mut renewing = None;
    loop {
        tokio::select! {
            ended = &mut call => return match ended {
                Ok(Ok(output)) => Acted::Did(output),
                Ok(Err(failure)) => Acted::Failed(failure),
                Err(_) => Acted::Failed(Failure::internal("the activity panicked")),
            },
            () = &mut time_max => return Acted::Failed(Failure::new(kernel::General::TimedOut).with_message("The activity took too long and was given up.")),
            () = &mut stopping => return Acted::Stopped,
            _ = renewal.tick(), if renewing.is_none() => {
                renewing = Some(Box::pin(ledger::renew(&core.store, run, engine.options.lease())));
            }
            renewed = async { renewing.as_mut().expect("polled only when there is one").await }, if renewing.is_some() => {
                renewing = None;
                // An unreachable database is no reason to stop: the lease still has time, and the
                // next beat tries again.
                if matches!(renewed, Ok(false)) {
                    return Acted::Lost;
                }
            }
        }
    }
}

/// What receivers deduplicate by: stable over every try of this step.
pub(super) fn step_key(run: RunId, seq: u32) -> String {
    format!("{run}:{seq}")
}

/// Whether trying again can help: a refusal of the request itself cannot, a conflict, a limit and
/// whatever is wrong on the other side can.
pub(super) fn is_retryable(failure: &Failure) -> bool {
    !(400..500).contains(&failure.status) || matches!(failure.status, 409 | 429)
}

#[cfg(test)]
mod tests {
    use kernel::General;

    use super::*;

    #[test]
    fn only_refusals_of_the_request_itself_are_final() {
        for again in [General::Conflict, General::RateLimited, General::Internal, General::DependencyUnavailable] {
            assert!(is_retryable(&Failure::new(again)), "{again:?}");
        }
        for never in [General::NotFound, General::ValidationFailed, General::PermissionDenied] {
            assert!(!is_retryable(&Failure::new(never)), "{never:?}");
        }
    }
}
