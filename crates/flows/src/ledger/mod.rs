//! The ledger of runs, steps and signals: every query of the engine, and nothing else.
//!
//! The engine works through the system door, because it finds work of every organization and of the
//! platform. What starts a run or signals one goes through the tenant's own transaction instead; see
//! `start`.

mod claim;
mod read;
mod ticks;
mod write;

use std::time::Duration;

use chrono::TimeDelta;
use kernel::{At, OrgId, RunId};
use serde_json::Value;

use crate::cx::Told;

pub(crate) use claim::{SCANS, claim, renew};
pub(crate) use read::{LOOKS, count_due, dead_letters, delete_finished, next_due, oldest_due, record, replay};
pub(crate) use ticks::{begin_schedule, last_ticks, start_tick};
pub(crate) use write::{hear, write_back};

/// A run in our hands, until the lease ends or the fence moves on.
#[derive(Debug, Clone)]
pub(crate) struct Claimed {
    pub(crate) id: RunId,
    pub(crate) org: Option<OrgId>,
    pub(crate) workflow: String,
    pub(crate) version: i32,
    pub(crate) input: Value,
    /// What the body sees as the time before its first answer.
    pub(crate) started_at: At,
    /// Failed attempts of the step that is at hand, lost workers included.
    pub(crate) attempt: u32,
    /// Every write-back names it; a later claim has a higher one.
    pub(crate) fence: i64,
}

/// One answered ask.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Recorded {
    pub(crate) seq: u32,
    pub(crate) kind: String,
    pub(crate) told: Told,
    pub(crate) at: At,
}

/// What becomes of a run with a write-back.
#[derive(Debug, Clone)]
pub(crate) enum Next {
    /// Still ours, with a fresh lease.
    GoOn,
    /// Let go of until the instant has come. A failed attempt leaves its reason.
    Park {
        due_at: At,
        attempt: u32,
        reason: Option<String>,
    },
    /// Let go of as it is: somebody else goes on at once.
    HandBack,
    Done(Value),
    Dead(String),
}

/// What came of waiting for a signal.
#[derive(Debug)]
pub(crate) enum Heard {
    Told(Told, At),
    Parked,
    Lost,
}

/// When a lease of that length ends.
fn lease_end(now: At, lease: Duration) -> At {
    now + TimeDelta::from_std(lease).unwrap_or(TimeDelta::MAX)
}

/// The latest end that an honest lease of that length has, with the same again for clocks of other
/// replicas that run ahead.
fn lease_bound(now: At, lease: Duration) -> At {
    lease_end(now, lease * 2)
}

/// Answers at rest: the verb in one column, so that failures can be found, and its value in another.
fn told_to_columns(told: &Told) -> (&'static str, Option<Value>) {
    match told {
        Told::Did(output) => ("did", Some(output.clone())),
        Told::Failed(fault) => ("failed", serde_json::to_value(fault).ok()),
        Told::Woke => ("woke", None),
        Told::Heard(payload) => ("heard", Some(payload.clone())),
        Told::TimedOut => ("timed_out", None),
    }
}

fn told_from_columns(outcome: &str, value: Option<Value>) -> Option<Told> {
    let value = value.unwrap_or(Value::Null);
    Some(match outcome {
        "did" => Told::Did(value),
        "failed" => Told::Failed(serde_json::from_value(value).ok()?),
        "woke" => Told::Woke,
        "heard" => Told::Heard(value),
        "timed_out" => Told::TimedOut,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fault::FlowFault;

    #[test]
    fn every_answer_reads_back() {
        let all = [
            Told::Did(json!({"paid": true})),
            Told::Did(Value::Null),
            Told::Failed(FlowFault::new("card_declined", "No.")),
            Told::Woke,
            Told::Heard(json!(7)),
            Told::TimedOut,
        ];
        for told in all {
            let (outcome, value) = told_to_columns(&told);
            assert_eq!(told_from_columns(outcome, value), Some(told));
        }
        assert_eq!(told_from_columns("shrugged", None), None);
    }
}
