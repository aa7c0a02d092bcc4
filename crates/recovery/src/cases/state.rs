//! The states of a case and the steps between them.

use crate::classify::class::words;

words! {
    /// Where a case stands.
    pub enum CaseState {
        /// The failure is stored, nothing is planned yet.
        Detected = "detected",
        /// Grace, a hold, or the provider is still retrying by itself.
        Waiting = "waiting",
        /// An attempt or a message is planned.
        Scheduled = "scheduled",
        /// An attempt of ours is under way.
        InFlight = "in_flight",
        /// Only the payer can go on: another card, a confirmation.
        ActionRequired = "action_required",
        /// An attempt's result is unknown until the provider tells.
        SyncPending = "sync_pending",
        /// Stopped by a person.
        Paused = "paused",
        /// The payer has the checkout open.
        CustomerPaying = "customer_paying",
        /// All of it was paid.
        Recovered = "recovered",
        /// A part of it was paid.
        PartiallyRecovered = "partially_recovered",
        /// Everything that the policy allows was tried.
        Exhausted = "exhausted",
        /// Nothing could have been tried, and the payer did not come.
        NotRecoverable = "not_recoverable",
        /// The obligation is gone.
        Cancelled = "cancelled",
        /// The payer disputes the payment.
        Disputed = "disputed",
        /// What was recovered was given back.
        Reversed = "reversed",
    }
}

/// A step that a case cannot take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a case that is {from} cannot become {to}")]
pub struct ImpossibleStep {
    pub from: CaseState,
    pub to: CaseState,
}

impl CaseState {
    /// The states in which something can still happen by itself.
    pub const OPEN: [Self; 8] = [
        Self::Detected,
        Self::Waiting,
        Self::Scheduled,
        Self::InFlight,
        Self::ActionRequired,
        Self::SyncPending,
        Self::Paused,
        Self::CustomerPaying,
    ];

    /// Whether the case still lives.
    pub fn is_open(self) -> bool {
        Self::OPEN.contains(&self)
    }

    /// Whether the planner decides what comes next. In the other open states somebody holds the case's
    /// one slot, or a person stopped it.
    pub const fn is_planned(self) -> bool {
        matches!(self, Self::Detected | Self::Waiting | Self::Scheduled | Self::ActionRequired)
    }

    /// Whether money came back and stayed.
    pub const fn is_won(self) -> bool {
        matches!(self, Self::Recovered | Self::PartiallyRecovered)
    }

    /// The next state, or why there is no such step. Staying is always possible.
    pub fn step(self, to: Self) -> Result<Self, ImpossibleStep> {
        if self == to || self.may_become(to) { Ok(to) } else { Err(ImpossibleStep { from: self, to }) }
    }

    fn may_become(self, to: Self) -> bool {
        use CaseState::{
            ActionRequired, CustomerPaying, Detected, Exhausted, InFlight, NotRecoverable, PartiallyRecovered, Paused, Recovered, Reversed,
            Scheduled, SyncPending, Waiting,
        };
        match (self, to) {
            (_, Detected) => false,
            // Only what was won can be reversed.
            (Recovered | PartiallyRecovered, Reversed) => true,
            (_, Reversed) => false,
            // The rest of a payment, and money that comes after we gave up: success absorbs.
            (PartiallyRecovered, Recovered) => true,
            (Exhausted | NotRecoverable, Recovered | PartiallyRecovered) => true,
            (from, _) if !from.is_open() => false,
            // Any open case may end.
            (_, to) if !to.is_open() => true,
            (Detected, Waiting | Scheduled | ActionRequired) => true,
            (Waiting, Scheduled | ActionRequired) => true,
            (Scheduled, Waiting | InFlight | ActionRequired) => true,
            (InFlight, Scheduled | ActionRequired | SyncPending) => true,
            (SyncPending, Scheduled) => true,
            (ActionRequired, Scheduled | Waiting) => true,
            (Detected | Waiting | Scheduled | ActionRequired, CustomerPaying) => true,
            (Paused | CustomerPaying, Waiting | Scheduled | ActionRequired) => true,
            (_, Paused) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_open_case_may_end_in_any_way_but_reversed() {
        for from in CaseState::OPEN {
            for to in CaseState::ALL.iter().copied().filter(|to| !to.is_open()) {
                assert_eq!(from.step(to).is_ok(), to != CaseState::Reversed, "{from} to {to}");
            }
        }
    }

    #[test]
    fn what_has_ended_never_opens_again() {
        for from in CaseState::ALL.iter().copied().filter(|from| !from.is_open()) {
            for to in CaseState::OPEN {
                assert!(from.step(to).is_err(), "{from} to {to}");
            }
        }
        assert!(CaseState::Cancelled.step(CaseState::Recovered).is_err());
        assert_eq!(CaseState::Recovered.step(CaseState::Reversed), Ok(CaseState::Reversed));
        assert!(CaseState::Reversed.step(CaseState::Recovered).is_err(), "never silently reopened");
    }

    #[test]
    fn an_unknown_result_is_not_left_by_another_attempt() {
        assert!(CaseState::SyncPending.step(CaseState::InFlight).is_err());
        assert!(CaseState::CustomerPaying.step(CaseState::InFlight).is_err(), "the payer holds the slot");
        assert!(CaseState::InFlight.step(CaseState::CustomerPaying).is_err(), "the attempt holds the slot");
    }
}
