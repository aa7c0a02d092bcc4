//! One claimed run, driven from its record to where it has to wait, ends, or is let go of.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use chrono::TimeDelta;
use host::Core;
use kernel::crash::{self, Point};
use kernel::{At, Failure};
use serde_json::Value;
use store::StoreError;
use tokio::time::{Instant, sleep};

use super::Engine;
use super::act::{Acted, act, is_retryable};
use crate::body::{Started, Turn};
use crate::catalog::{Catalog, Doing};
use crate::cx::{Ask, Told};
use crate::fault::FlowFault;
use crate::ledger::{self, Claimed, Heard, Next, Recorded};

/// The most a run may ask in its life: replay costs grow with it, and a body that asks more is a
/// loop that was meant to be a schedule.
const ASKS_MAX: u32 = 10_000;

/// When a run is looked at again whose code this build does not have: during a rolling deploy
/// another replica takes it, after a mistaken removal an operator has time to see it.
const UNKNOWN_CODE_WAIT: TimeDelta = TimeDelta::minutes(1);

/// Between tries of a read or a write-back while the database is away.
const DATABASE_RETRY: Duration = Duration::from_millis(500);

/// How a drive ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Finished,
    Dead,
    Parked,
    HandedBack,
    /// Somebody else has the run by now.
    Lost,
}

/// An answer for the body, or the end of the drive.
enum Answer {
    Told(Told, At),
    End(End),
}

pub(super) struct Drive<'e> {
    engine: &'e Engine,
    core: &'e Core,
    catalog: &'e Catalog,
    run: Claimed,
    /// Answered in this drive and not yet written; goes out with the next write-back.
    fresh: Vec<Recorded>,
}

impl<'e> Drive<'e> {
    pub(super) fn new(engine: &'e Engine, core: &'e Core, catalog: &'e Catalog, run: Claimed) -> Self {
        Self { engine, core, catalog, run, fresh: Vec::new() }
    }

    /// Replays what is recorded and goes on from there.
    pub(super) async fn run(mut self) -> Result<End, StoreError> {
        let (store, id) = (&self.core.store, self.run.id);
        let mut record = insist(self.engine, || ledger::record(store, id)).await?;
        let started = Started { at: self.run.started_at, run: self.run.id, org: self.run.org };
        let input = std::mem::take(&mut self.run.input);
        let mut body = match self.catalog.bodies.begin(&self.run.workflow, self.run.version, input, started) {
            None => return self.without_code(format!("workflow {} v{}", self.run.workflow, self.run.version)).await,
            Some(Err(fault)) => return self.dead(fault).await,
            Some(Ok(body)) => body,
        };
        loop {
            let (seq, ask) = match body.turn() {
                Turn::Done(Ok(output)) => return self.done(output, &record).await,
                Turn::Done(Err(fault)) => return self.dead(fault).await,
                Turn::Ask(seq, ask) => (seq, ask),
            };
            if seq >= ASKS_MAX {
                return self.dead(FlowFault::new("flow_too_long", format!("The run asked more than {ASKS_MAX} times."))).await;
            }
            let (told, at) = match record.remove(&seq) {
                Some(before) if before.kind == ask.kind() => (before.told, before.at),
                Some(before) => return self.dead(changed(seq, &before.kind, &ask.kind())).await,
                None => match self.answer(seq, ask).await? {
                    Answer::Told(told, at) => (told, at),
                    Answer::End(end) => return Ok(end),
                },
            };
            body.tell(seq, told, at);
        }
    }

    async fn answer(&mut self, seq: u32, ask: Ask) -> Result<Answer, StoreError> {
        let kind = ask.kind();
        match ask {
            Ask::Sleep { until } if until <= self.core.clock.now() => Ok(self.tell(seq, kind, Told::Woke)),
            Ask::Sleep { until } => self.park(until, 0, None).await,
            Ask::Signal { name, until } => self.hear(seq, kind, &name, until).await,
            Ask::Step { name, input } => self.step(seq, kind, &name, input).await,
        }
    }

    async fn step(&mut self, seq: u32, kind: String, name: &str, input: Value) -> Result<Answer, StoreError> {
        let Some(doing) = self.catalog.activities.get(name) else {
            return Ok(Answer::End(self.without_code(format!("activity {name}")).await?));
        };
        // An effect is marked before the next one begins; and nobody begins anything while stopping.
        let stopping = self.core.tasks.is_stopping();
        if stopping || !self.fresh.is_empty() {
            let next = if stopping { Next::HandBack } else { Next::GoOn };
            if !self.write(next).await? {
                return Ok(Answer::End(End::Lost));
            }
            if stopping {
                return Ok(Answer::End(End::HandedBack));
            }
        }
        if self.run.attempt >= doing.retry.max {
            // Only a worker that died in the middle of the last attempt leaves this behind.
            let lost = FlowFault::new("worker_lost", format!("The worker was lost during attempt {} of {name}.", self.run.attempt));
            return Ok(self.tell(seq, kind, Told::Failed(lost)));
        }
        match act(self.engine, self.core, &self.run, seq, doing, input).await {
            Acted::Did(output) => {
                crash::pass(Point::AfterEffect);
                Ok(self.tell(seq, kind, Told::Did(output)))
            }
            Acted::Failed(failure) => self.failed(seq, kind, name, doing, &failure).await,
            Acted::Lost => Ok(Answer::End(End::Lost)),
            Acted::Stopped => Ok(Answer::End(if self.write(Next::HandBack).await? { End::HandedBack } else { End::Lost })),
        }
    }

    /// Plans the next attempt, or tells the body that there is none.
    async fn failed(&mut self, seq: u32, kind: String, name: &str, doing: &Doing, failure: &Failure) -> Result<Answer, StoreError> {
        let failures = self.run.attempt + 1;
        let again = is_retryable(failure) && failures < doing.retry.max;
        tracing::warn!(
            event = "flows.activity_failed", run = %self.run.id, activity = name, attempt = failures, will_retry = again, code = failure.code,
            cause = failure.cause.as_ref().map(tracing::field::display), "an attempt failed"
        );
        if !again {
            return Ok(self.tell(seq, kind, Told::Failed(FlowFault::from(failure))));
        }
        let asked = Duration::from_secs(failure.retry_after_s.unwrap_or(0));
        let wait = TimeDelta::from_std(doing.retry.jittered(failures).max(asked)).unwrap_or(TimeDelta::MAX);
        let due_at = self.core.clock.now().checked_add_signed(wait).unwrap_or(At::MAX_UTC);
        self.park(due_at, failures, Some(FlowFault::from(failure).reason())).await
    }

    async fn hear(&mut self, seq: u32, kind: String, name: &str, until: At) -> Result<Answer, StoreError> {
        let (store, engine) = (&self.core.store, self.engine);
        let (run, fresh) = (&self.run, &self.fresh);
        let heard = insist(engine, || ledger::hear(store, run, fresh, seq, &kind, name, until, engine.options.lease())).await?;
        self.fresh.clear();
        Ok(match heard {
            Heard::Told(told, at) => {
                self.run.attempt = 0;
                Answer::Told(told, at)
            }
            Heard::Parked => Answer::End(End::Parked),
            Heard::Lost => Answer::End(End::Lost),
        })
    }

    fn tell(&mut self, seq: u32, kind: String, told: Told) -> Answer {
        let at = self.core.clock.now();
        self.run.attempt = 0;
        self.fresh.push(Recorded { seq, kind, told: told.clone(), at });
        Answer::Told(told, at)
    }

    async fn park(&mut self, due_at: At, attempt: u32, reason: Option<String>) -> Result<Answer, StoreError> {
        let parked = self.write(Next::Park { due_at, attempt, reason }).await?;
        Ok(Answer::End(if parked { End::Parked } else { End::Lost }))
    }

    async fn without_code(&mut self, what: String) -> Result<End, StoreError> {
        tracing::warn!(event = "flows.code_unknown", run = %self.run.id, missing = what, "this build does not have the code of a run");
        let (due_at, attempt) = (self.core.clock.now() + UNKNOWN_CODE_WAIT, self.run.attempt);
        let reason = Some(format!("this build does not have {what}"));
        Ok(if self.write(Next::Park { due_at, attempt, reason }).await? { End::Parked } else { End::Lost })
    }

    async fn done(&mut self, output: Value, left: &BTreeMap<u32, Recorded>) -> Result<End, StoreError> {
        if let Some(before) = left.values().next() {
            return self.dead(changed(before.seq, &before.kind, "the end")).await;
        }
        Ok(if self.write(Next::Done(output)).await? { End::Finished } else { End::Lost })
    }

    async fn dead(&mut self, fault: FlowFault) -> Result<End, StoreError> {
        let reason = fault.reason();
        if !self.write(Next::Dead(reason)).await? {
            return Ok(End::Lost);
        }
        tracing::error!(event = "flows.run_dead", run = %self.run.id, workflow = self.run.workflow, code = %fault.code, "a run became a dead letter");
        Ok(End::Dead)
    }

    /// Writes what is fresh and what comes next, if the run is still ours.
    async fn write(&mut self, next: Next) -> Result<bool, StoreError> {
        let (store, engine) = (&self.core.store, self.engine);
        let (run, fresh) = (&self.run, &self.fresh);
        let ours = insist(engine, || ledger::write_back(store, run, fresh, &next, engine.options.lease())).await?;
        self.fresh.clear();
        Ok(ours)
    }
}

/// Tries a read or a write again while the database is away and the lease may still be ours: an effect that
/// happened is worth being marked, and a run that was let go of would wait for its lease to end. The fence
/// makes the repetition safe.
async fn insist<T, Fut>(engine: &Engine, mut ask: impl FnMut() -> Fut) -> Result<T, StoreError>
where
    Fut: Future<Output = Result<T, StoreError>>,
{
    let until = Instant::now() + engine.options.lease();
    loop {
        match ask().await {
            Err(StoreError::Unavailable(_) | StoreError::TimedOut | StoreError::Conflict | StoreError::Contended(_))
                if Instant::now() < until =>
            {
                sleep(DATABASE_RETRY).await;
            }
            answered => return answered,
        }
    }
}

fn changed(seq: u32, before: &str, now: &str) -> FlowFault {
    FlowFault::new("flow_changed", format!("at {seq}: {before} became {now}; register the changed body as a new version"))
}
