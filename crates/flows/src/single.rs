//! Runs of one step: scheduled work and after-commit listeners. They go through the same tables and
//! the same retries as everything else, so that there is one queue of due work.

use host::{BoxFuture, Registry, Starter, Work};
use kernel::{Failure, General};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{StoredEvent, Tx};

use crate::catalog::Flows as _;
use crate::cx::FlowCx;
use crate::fault::FlowFault;
use crate::names::{Activity, StartOptions, Workflow};
use crate::start::start;

/// One activity, named at run time.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Single {
    pub(crate) activity: String,
    pub(crate) input: Value,
}

/// A tick of a schedule.
pub(crate) const SCHEDULED: Workflow<Single> = Workflow::new("flows.scheduled", 1);

/// A listener that hears of an event after its commit.
pub(crate) const LISTENER: Workflow<Hearing> = Workflow::new("flows.listener", 1);

const HEAR: Activity<Hearing, ()> = Activity::new("flows.hear");

/// Which listener has to hear what.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Hearing {
    listener: String,
    payload: Value,
}

pub(crate) fn register(app: &mut Registry) {
    app.workflow(SCHEDULED, scheduled);
    app.workflow(LISTENER, listener);
    app.activity(HEAR, hear);
}

async fn scheduled(mut cx: FlowCx, single: Single) -> Result<Value, FlowFault> {
    cx.step_by_name(&single.activity, single.input).await
}

async fn listener(mut cx: FlowCx, hearing: Hearing) -> Result<(), FlowFault> {
    cx.step(HEAR, hearing).await
}

async fn hear(work: Work, hearing: Hearing) -> Result<(), Failure> {
    let registry = work.core.registry.clone();
    match registry.run_listener(&hearing.listener, work, hearing.payload) {
        Some(heard) => heard.await,
        // Another replica may run the build that has it; if none does, the run becomes a dead letter.
        None => Err(Failure::new(General::DependencyUnavailable).with_message(format!("No module has the listener {}.", hearing.listener))),
    }
}

/// Starts after-commit listeners as durable runs of one step.
pub(crate) struct ListenerStarter;

impl Starter for ListenerStarter {
    fn start_listener<'a>(&'a self, tx: &'a mut Tx, listener: &'static str, event: &'a StoredEvent) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let hearing = Hearing { listener: listener.to_owned(), payload: event.payload.clone() };
            start(tx, LISTENER, &hearing, StartOptions::dedupe(format!("{}:{listener}", event.id))).await?;
            Ok(())
        })
    }
}
