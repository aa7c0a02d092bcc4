//! Faults on purpose: webhooks twice, late, out of order or never, and answers that get lost.

use kernel::Failure;
use serde::{Deserialize, Serialize};
use store::System;
use utoipa::ToSchema;

/// Under which key the faults are kept.
const KEY: &str = "billing.sandbox.faults";
/// With `reorder`, every other webhook waits this long, so that the next one overtakes it.
const REORDER_DELAY_S: i64 = 30;
/// No webhook is worth waiting for longer.
const DELAY_MAX_S: u32 = 7 * 24 * 60 * 60;

/// `true` until it is switched off, or a number: so many times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Times {
    Always(bool),
    Next(u32),
}

impl Default for Times {
    fn default() -> Self {
        Self::Always(false)
    }
}

impl Times {
    /// Whether it is due now; counts down.
    fn take(&mut self) -> bool {
        match self {
            Self::Always(on) => *on,
            Self::Next(0) => false,
            Self::Next(left) => {
                *left -= 1;
                true
            }
        }
    }
}

/// The faults in force.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = SandboxFaults)]
pub struct Faults {
    /// Each webhook comes twice.
    pub duplicate: Times,
    /// Webhooks overtake each other.
    pub reorder: Times,
    /// Webhooks come so many seconds late.
    pub delay_s: u32,
    /// Webhooks never come.
    pub drop: Times,
    /// Charges succeed and their answers get lost.
    pub timeout_after_charge: Times,
    /// Counts webhooks, to let every other one wait.
    #[serde(skip)]
    pub told: u32,
}

/// How one webhook goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendPlan {
    pub copies: u32,
    pub delay_s: i64,
}

/// As it is kept: the counter too.
#[derive(Serialize, Deserialize)]
struct Kept {
    faults: Faults,
    told: u32,
}

impl Faults {
    pub async fn load(system: &System) -> Result<Self, Failure> {
        let Some(text) = system.state(KEY).await? else { return Ok(Self::default()) };
        let kept: Kept = serde_json::from_str(&text).map_err(Failure::internal)?;
        Ok(Self { told: kept.told, ..kept.faults })
    }

    pub async fn keep(&self, system: &mut System) -> Result<(), Failure> {
        let text = serde_json::to_string(&Kept { faults: *self, told: self.told }).map_err(Failure::internal)?;
        Ok(system.set_state(KEY, &text).await?)
    }

    /// Delays that would outlast anybody's patience are cut.
    pub fn bounded(self) -> Self {
        Self { delay_s: self.delay_s.min(DELAY_MAX_S), ..self }
    }

    /// How the next webhook goes out.
    pub async fn plan(&mut self, system: &mut System) -> Result<SendPlan, Failure> {
        let before = *self;
        let plan = self.next_plan();
        if *self != before {
            self.keep(system).await?;
        }
        Ok(plan)
    }

    fn next_plan(&mut self) -> SendPlan {
        let waits = self.reorder.take() && self.told.is_multiple_of(2);
        if self.reorder != Times::default() {
            self.told = self.told.wrapping_add(1);
        }
        let copies = match (self.drop.take(), self.duplicate.take()) {
            (true, _) => 0,
            (false, true) => 2,
            (false, false) => 1,
        };
        SendPlan { copies, delay_s: i64::from(self.delay_s) + if waits { REORDER_DELAY_S } else { 0 } }
    }

    /// Whether the answer of this charge gets lost.
    pub async fn loses_answer(&mut self, system: &mut System) -> Result<bool, Failure> {
        let before = *self;
        let loses = self.timeout_after_charge.take();
        if *self != before {
            self.keep(system).await?;
        }
        Ok(loses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_stays_and_a_number_counts_down() {
        let mut faults: Faults = serde_json::from_str(r#"{"duplicate": true, "drop": 1, "delay_s": 5}"#).expect("faults");
        assert_eq!(faults.next_plan(), SendPlan { copies: 0, delay_s: 5 });
        assert_eq!(faults.next_plan(), SendPlan { copies: 2, delay_s: 5 });
        assert_eq!(faults.next_plan(), SendPlan { copies: 2, delay_s: 5 });
    }

    #[test]
    fn every_other_webhook_is_overtaken() {
        let mut faults = Faults { reorder: Times::Always(true), ..Faults::default() };
        let delays: Vec<i64> = (0..4).map(|_| faults.next_plan().delay_s).collect();
        assert_eq!(delays, [30, 0, 30, 0]);
    }
}
