//! The durable flow of a case: an alarm clock beside the row.
//!
//! It sleeps until the row's next action or until something wakes it, and then asks for one step
//! ([`advance`]). A step that calls a provider is cut in three: reserve in a transaction, call
//! outside of any, record in a transaction. A crash between two of them is noticed by the lease on
//! the attempt, and what may have been sent is read back and never sent anew.

mod advance;
mod ask;
mod charge;
mod paying;
mod record;
mod resolve;
mod write;

use std::pin::Pin;
use std::time::Duration;

use ::store::Tx;
use flows::{Activity, FlowCx, FlowFault, Flows as _, Retry, StartOptions, Workflow};
use host::Registry;
use kernel::{At, CaseId, Failure};

pub(crate) use record::attempt_declined;

/// The flow of one case.
const CASE: Workflow<CaseId> = Workflow::new("recovery.case", 1);
/// Takes one step if one is due; answers when to ask again, and `None` when the case has ended.
const ADVANCE: Activity<CaseId, Option<At>> = Activity::new("recovery.advance");
/// Something changed: ask again now.
const WAKE: &str = "wake";
/// A case must not be lost to a long outage: what fails is tried again every ten minutes, for two months.
const RETRY: Retry = Retry { max: 10_000, first: Duration::from_secs(2), factor: 3, cap: Duration::from_mins(10) };

pub(crate) fn register(app: &mut Registry) {
    app.workflow(CASE, live);
    app.activity(ADVANCE, advance::advance).retries(RETRY);
}

async fn live(mut cx: FlowCx, case: CaseId) -> Result<(), FlowFault> {
    while let Some(until) = cx.step(ADVANCE, case).await? {
        cx.signal::<()>(WAKE, until).await;
    }
    Ok(())
}

/// Starts the flow of a case that was just opened and planned: its first look is for the plan's first
/// step, or for whatever wakes it before.
pub(crate) async fn start(tx: &mut Tx, case: CaseId, first: Option<At>) -> Result<(), Failure> {
    let options = StartOptions::dedupe(key(case)).woken_by(WAKE).at(first.unwrap_or(tx.now()));
    flows::start(tx, CASE, &case, options).await.map(drop)
}

/// Lets the flow look at the row again.
pub(crate) async fn wake(tx: &mut Tx, case: CaseId) -> Result<(), Failure> {
    flows::signal(tx, &key(case), WAKE, &()).await.map(drop)
}

fn key(case: CaseId) -> String {
    format!("case:{case}")
}

/// A future on the heap. The steps of an attempt nest deeply, and without optimization each would lie
/// on the stack of the one before: more than a worker's two megabytes.
fn heap<F: Future>(make: impl FnOnce() -> F) -> Pin<Box<F>> {
    Box::pin(make())
}
