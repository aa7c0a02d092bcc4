//! What a workflow's body holds: the context through which it asks for everything that lasts.
//!
//! A body is a coroutine. Each call on [`FlowCx`] leaves an [`Ask`] in a slot and waits; the engine
//! takes the ask, finds the recorded answer or makes one happen, and puts a [`Told`] back. So one
//! body runs under any engine, replays from its records, and needs neither a waker nor a trait
//! object. Calls take `&mut self`: two asks at once do not compile, and the order is always the same.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use kernel::{At, OrgId, RunId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fault::FlowFault;
use crate::names::Activity;

/// What a body wants next.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    Step { name: String, input: Value },
    Sleep { until: At },
    Signal { name: String, until: At },
}

impl Ask {
    /// What is compared with the record to notice changed code: the verb and its name, not the
    /// input, which may be formatted differently by a newer build.
    pub fn kind(&self) -> String {
        match self {
            Self::Step { name, .. } => format!("step {name}"),
            Self::Sleep { .. } => "sleep".to_owned(),
            Self::Signal { name, .. } => format!("signal {name}"),
        }
    }
}

/// What the engine answers, as it is recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    Did(Value),
    Failed(FlowFault),
    Woke,
    Heard(Value),
    TimedOut,
}

/// Where body and engine meet: at most one ask on its way out, and one answer on its way in.
#[derive(Default)]
pub(crate) struct Slot {
    pub(crate) ask: Option<(u32, Ask)>,
    pub(crate) told: BTreeMap<u32, (Told, At)>,
    /// Set when the body cannot go on; it is then never polled again.
    pub(crate) broken: Option<FlowFault>,
}

/// The slot, shared by a body and the engine that drives it; both run on one thread at a time.
#[derive(Clone, Default)]
pub(crate) struct SharedSlot(Arc<Mutex<Slot>>);

impl SharedSlot {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Slot> {
        // A body that panicked is reported and dropped; the slot itself is always whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The only thing a workflow's body may await.
///
/// Bodies are deterministic: time, ids and answers come from here, everything else from the input.
pub struct FlowCx {
    slot: SharedSlot,
    seq: u32,
    now: At,
    run: RunId,
    org: Option<OrgId>,
}

impl FlowCx {
    pub(crate) fn new(slot: SharedSlot, now: At, run: RunId, org: Option<OrgId>) -> Self {
        Self { slot, seq: 0, now, run, org }
    }

    /// The instant of the last answer: the same on every replay.
    pub fn now(&self) -> At {
        self.now
    }

    /// This run.
    pub fn run(&self) -> RunId {
        self.run
    }

    /// The organization that the run belongs to; none for the platform's own work.
    pub fn org(&self) -> Option<OrgId> {
        self.org
    }

    /// Runs an activity, or gives back the recorded result. `Err` when its retries are used up or
    /// it refused for good.
    pub async fn step<I: Serialize, O: DeserializeOwned>(&mut self, activity: Activity<I, O>, input: I) -> Result<O, FlowFault> {
        let input = serde_json::to_value(input).map_err(|wrong| FlowFault::new("step_input_unwritable", wrong.to_string()))?;
        let output = self.step_by_name(activity.name(), input).await?;
        serde_json::from_value(output).map_err(|wrong| {
            FlowFault::new("step_result_unreadable", format!("the result of {} does not read back: {wrong}", activity.name()))
        })
    }

    /// As [`FlowCx::step`], for work whose name is only known at run time.
    pub(crate) async fn step_by_name(&mut self, name: &str, input: Value) -> Result<Value, FlowFault> {
        match self.ask(Ask::Step { name: name.to_owned(), input }).await {
            Told::Did(output) => Ok(output),
            Told::Failed(fault) => Err(fault),
            other => self.broken(&other).await,
        }
    }

    /// Waits until the instant has come; at once when it has passed.
    pub async fn sleep_until(&mut self, until: At) {
        match self.ask(Ask::Sleep { until }).await {
            Told::Woke => (),
            other => self.broken(&other).await,
        }
    }

    /// Waits for a signal, which may have come before; `None` when `until` passes first.
    pub async fn signal<T: DeserializeOwned>(&mut self, name: &str, until: At) -> Option<T> {
        match self.ask(Ask::Signal { name: name.to_owned(), until }).await {
            Told::Heard(payload) => match serde_json::from_value(payload) {
                Ok(payload) => Some(payload),
                Err(wrong) => self.give_up(FlowFault::new("signal_unreadable", format!("the signal {name} does not read: {wrong}"))).await,
            },
            Told::TimedOut => None,
            other => self.broken(&other).await,
        }
    }

    async fn ask(&mut self, ask: Ask) -> Told {
        let seq = self.seq;
        self.seq += 1;
        let (told, at) = Answer { slot: self.slot.clone(), seq, ask: Some(ask) }.await;
        self.now = at;
        told
    }

    /// The record holds an answer of another kind: it was written by other code.
    async fn broken<T>(&mut self, told: &Told) -> T {
        self.give_up(FlowFault::new("flow_changed", format!("the record at {} does not answer what was asked: {told:?}", self.seq - 1)))
            .await
    }

    /// Ends the run with a fault where the signature leaves no room for one: the body waits for
    /// ever, and the engine, which sees the fault, drops it.
    async fn give_up<T>(&mut self, fault: FlowFault) -> T {
        self.slot.lock().broken = Some(fault);
        std::future::pending().await
    }
}

/// Hands over the ask on its first poll and stays pending until the answer is there.
struct Answer {
    slot: SharedSlot,
    seq: u32,
    ask: Option<Ask>,
}

impl Future for Answer {
    type Output = (Told, At);

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        let ask = self.ask.take();
        let mut slot = self.slot.lock();
        if let Some(ask) = ask {
            slot.ask = Some((self.seq, ask));
        }
        slot.told.remove(&self.seq).map_or(Poll::Pending, Poll::Ready)
    }
}
