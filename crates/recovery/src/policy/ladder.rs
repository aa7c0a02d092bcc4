//! The default policy: one ladder per class of decline, read from `data/policy.json`.

use std::collections::HashMap;
use std::sync::LazyLock;

use chrono::Weekday;
use serde::Deserialize;

use crate::classify::Class;

const BUILTIN: &str = include_str!("../../data/policy.json");

/// An immutable version of when to retry and when to write.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// A case keeps the version that it was opened with.
    pub version: String,
    pub edition: String,
    pub source: String,
    /// Days after the first failure at which a case is given up.
    pub horizon_days: u32,
    /// Hours of the payer's morning in which a charge is sent.
    pub retry_hours: Hours,
    /// Hours of the payer's day in which a mail may start.
    pub message_hours: Hours,
    /// Hours between two messages of a case, at least.
    pub message_gap_h: u32,
    /// Minutes over which attempts of a fixed delay are spread, so that not all hit the same second.
    pub jitter_min: u32,
    pub paydays: Paydays,
    ladders: HashMap<Class, Ladder>,
}

/// A band of local hours: from the first, up to but not including the last.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    pub from: u32,
    pub until: u32,
}

/// When people get money.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paydays {
    pub days_of_month: Vec<u32>,
    pub month_end: bool,
    pub weekdays: Vec<Weekday>,
}

/// What is done for one class, rung by rung.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ladder {
    pub retries: Vec<When>,
    /// Attempts of ours, at most.
    pub retries_max: u32,
    /// Hours between two attempts, at least.
    pub gap_min_h: u32,
    pub messages: Vec<MessageRung>,
    /// When to ask the provider what became of the payment, for a verdict of `stop`.
    #[serde(default)]
    pub read_backs: Vec<When>,
}

/// When a rung is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Hours after the first failure.
    AfterH(u32),
    /// On the payer's morning, days after the first failure.
    MorningAfterDays(u32),
    /// On the morning of the next payday.
    Payday,
    /// On the morning of this day of the month after the one of the first failure.
    MonthTurn(u32),
}

/// When the payer is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageRung {
    /// Hours after the first failure, at least.
    pub after_h: u32,
    /// Declines including the first, at least, as long as further attempts are planned.
    pub after_misses: u32,
}

static POLICY: LazyLock<Policy> = LazyLock::new(|| serde_json::from_str(BUILTIN).expect("a test reads the embedded policy"));

impl Policy {
    /// The ladders that every organization starts with.
    pub fn builtin() -> &'static Self {
        &POLICY
    }

    /// The ladder of a class; each class has one.
    pub fn ladder(&self, class: Class) -> &Ladder {
        self.ladders.get(&class).expect("a test asks for the ladder of every class")
    }

    /// The most attempts that any ladder allows.
    pub fn retries_max(&self) -> u32 {
        self.ladders.values().map(|ladder| ladder.retries_max).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_a_ladder_within_the_horizon() {
        let policy = Policy::builtin();
        for class in Class::ALL {
            let ladder = policy.ladder(*class);
            assert!(ladder.retries_max as usize <= ladder.retries.len(), "{class}");
            for rung in ladder.retries.iter().chain(&ladder.read_backs) {
                let days = match rung {
                    When::AfterH(hours) => hours / 24,
                    When::MorningAfterDays(days) => *days,
                    When::Payday | When::MonthTurn(_) => 0,
                };
                assert!(days < policy.horizon_days, "{class}");
            }
        }
        assert_eq!(policy.retries_max(), 8);
    }

    #[test]
    fn the_hours_are_hours() {
        let policy = Policy::builtin();
        for hours in [policy.retry_hours, policy.message_hours] {
            assert!(hours.from < hours.until && hours.until <= 24);
        }
    }
}
