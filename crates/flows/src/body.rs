//! The registered bodies of workflows, and one of them being driven.

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use kernel::{At, OrgId, RunId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cx::{Ask, FlowCx, SharedSlot, Told};
use crate::fault::FlowFault;
use crate::names::Workflow;

type Outcome = Result<Value, FlowFault>;
type Body = Pin<Box<dyn Future<Output = Outcome> + Send>>;
type Begin = Box<dyn Fn(FlowCx, Value) -> Result<Body, FlowFault> + Send + Sync>;

/// All workflows by name and version. Several versions of one name stand side by side.
#[derive(Default)]
pub struct Bodies(BTreeMap<(&'static str, i32), Begin>);

impl Bodies {
    /// Adds a body.
    ///
    /// # Panics
    /// When the same name and version is there already: two bodies for one record cannot both be right.
    pub fn add<I, O, F, Fut>(&mut self, workflow: Workflow<I>, body: F)
    where
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: Fn(FlowCx, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, FlowFault>> + Send + 'static,
    {
        let begin: Begin = Box::new(move |cx, input| {
            let input = serde_json::from_value(input).map_err(|wrong| FlowFault::new("flow_input_unreadable", wrong.to_string()))?;
            // The future is made before the block, so that the input need not be `Send` across it.
            let running = body(cx, input);
            Ok(Box::pin(async move {
                let output = running.await?;
                serde_json::to_value(output).map_err(|wrong| FlowFault::new("flow_output_unwritable", wrong.to_string()))
            }))
        });
        let before = self.0.insert((workflow.name(), workflow.version()), begin);
        assert!(before.is_none(), "the workflow {} is registered twice with version {}", workflow.name(), workflow.version());
    }

    /// Every name with its versions.
    pub fn names(&self) -> impl Iterator<Item = (&'static str, i32)> + '_ {
        self.0.keys().copied()
    }

    /// Begins a body from the start; `None` when this build has no such version.
    pub fn begin(&self, name: &str, version: i32, input: Value, started: Started) -> Option<Result<Coroutine, FlowFault>> {
        let (_, begin) = self.0.iter().find(|((known, of), _)| *known == name && *of == version)?;
        let slot = SharedSlot::default();
        let cx = FlowCx::new(slot.clone(), started.at, started.run, started.org);
        Some(begin(cx, input).map(|body| Coroutine { body, slot }))
    }
}

/// What a body may know about its own run.
#[derive(Debug, Clone, Copy)]
pub struct Started {
    pub at: At,
    pub run: RunId,
    pub org: Option<OrgId>,
}

/// A body on its way.
pub struct Coroutine {
    body: Body,
    slot: SharedSlot,
}

/// What came out of one turn.
#[derive(Debug)]
pub enum Turn {
    Done(Outcome),
    Ask(u32, Ask),
}

impl Coroutine {
    /// Lets the body run until it asks or ends. It never blocks: nothing else can be awaited in it.
    pub fn turn(&mut self) -> Turn {
        let polled = catch_unwind(AssertUnwindSafe(|| self.body.as_mut().poll(&mut Context::from_waker(Waker::noop()))));
        match polled {
            Err(_) => Turn::Done(Err(FlowFault::new("flow_panicked", "The workflow's body panicked."))),
            Ok(Poll::Ready(outcome)) => Turn::Done(outcome),
            Ok(Poll::Pending) => {
                let mut slot = self.slot.lock();
                if let Some(fault) = slot.broken.take() {
                    return Turn::Done(Err(fault));
                }
                match slot.ask.take() {
                    Some((seq, ask)) => Turn::Ask(seq, ask),
                    None => Turn::Done(Err(FlowFault::new("flow_stuck", "The workflow awaited something that is not its context."))),
                }
            }
        }
    }

    /// Answers the ask of that place.
    pub fn tell(&mut self, seq: u32, told: Told, at: At) {
        self.slot.lock().told.insert(seq, (told, at));
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use serde_json::json;

    use super::*;
    use crate::names::Activity;

    const ADD: Activity<u32, u32> = Activity::new("test.add");
    const COUNT: Workflow<u32> = Workflow::new("test.count", 1);

    async fn count(mut cx: FlowCx, from: u32) -> Result<u32, FlowFault> {
        let more = cx.step(ADD, from).await?;
        let tomorrow = cx.now() + Duration::days(1);
        cx.sleep_until(tomorrow).await;
        let until = cx.now() + Duration::days(7);
        Ok(cx.signal::<u32>("paid", until).await.unwrap_or(0) + more)
    }

    fn noon() -> At {
        "2026-03-01T12:00:00Z".parse().expect("a valid instant")
    }

    fn begin(bodies: &Bodies) -> Coroutine {
        let started = Started { at: noon(), run: RunId::new(noon()), org: None };
        bodies.begin("test.count", 1, json!(1), started).expect("registered").expect("reads")
    }

    fn counting() -> Bodies {
        let mut bodies = Bodies::default();
        bodies.add(COUNT, count);
        bodies
    }

    #[test]
    fn a_body_asks_one_thing_after_another() {
        let bodies = counting();
        let mut body = begin(&bodies);
        assert!(matches!(body.turn(), Turn::Ask(0, Ask::Step { input, .. }) if input == json!(1)));
        body.tell(0, Told::Did(json!(2)), noon());
        assert!(matches!(body.turn(), Turn::Ask(1, Ask::Sleep { until }) if until == noon() + Duration::days(1)));
        body.tell(1, Told::Woke, noon() + Duration::days(2));
        assert!(matches!(body.turn(), Turn::Ask(2, Ask::Signal { until, .. }) if until == noon() + Duration::days(9)));
        body.tell(2, Told::Heard(json!(40)), noon());
        assert!(matches!(body.turn(), Turn::Done(Ok(sum)) if sum == json!(42)));
    }

    #[test]
    fn a_record_of_another_kind_ends_the_run_with_its_reason() {
        let bodies = counting();
        let mut body = begin(&bodies);
        body.turn();
        body.tell(0, Told::Did(json!("not a number")), noon());
        assert!(matches!(body.turn(), Turn::Done(Err(fault)) if fault.code == "step_result_unreadable"));
        let mut body = begin(&bodies);
        body.turn();
        body.tell(0, Told::Woke, noon());
        assert!(matches!(body.turn(), Turn::Done(Err(fault)) if fault.code == "flow_changed"));
    }

    #[test]
    fn awaiting_anything_else_is_noticed() {
        let mut bodies = Bodies::default();
        bodies.add(COUNT, |_cx: FlowCx, _from: u32| async {
            tokio::task::yield_now().await;
            Ok::<_, FlowFault>(())
        });
        assert!(matches!(begin(&bodies).turn(), Turn::Done(Err(fault)) if fault.code == "flow_stuck"));
    }

    #[test]
    fn a_panic_ends_the_run_and_nothing_else() {
        let mut bodies = Bodies::default();
        bodies.add(COUNT, |_cx: FlowCx, from: u32| async move { if from > 0 { panic!("boom") } else { Ok::<u32, FlowFault>(0) } });
        assert!(matches!(begin(&bodies).turn(), Turn::Done(Err(fault)) if fault.code == "flow_panicked"));
    }

    #[test]
    #[should_panic(expected = "registered twice")]
    fn two_bodies_of_one_version_are_refused() {
        let mut bodies = counting();
        bodies.add(COUNT, count);
    }
}
