//! Where an obligation stands, and what may happen to it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The state of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Owed, and not tried yet.
    Open,
    /// Tried and declined: still owed.
    Failed,
    Paid,
    /// Some of it arrived; the rest is still owed.
    PartiallyPaid,
    Refunded,
    /// No longer owed.
    Void,
    Disputed,
}

/// What happens to an obligation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    ChargeFailed,
    MoneyArrived {
        in_full: bool,
    },
    Voided,
    /// All that was paid went back.
    RefundedInFull,
    DisputeOpened,
}

/// A step that the present state does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{happening:?} does not follow on {state}")]
pub struct Refused {
    pub state: State,
    pub happening: Happening,
}

impl State {
    pub const ALL: [Self; 7] = [Self::Open, Self::Failed, Self::Paid, Self::PartiallyPaid, Self::Refunded, Self::Void, Self::Disputed];

    /// As it is stored and sent.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Failed => "failed",
            Self::Paid => "paid",
            Self::PartiallyPaid => "partially_paid",
            Self::Refunded => "refunded",
            Self::Void => "void",
            Self::Disputed => "disputed",
        }
    }

    /// Whether money is still owed.
    pub const fn is_owed(self) -> bool {
        matches!(self, Self::Open | Self::Failed | Self::PartiallyPaid)
    }

    /// The state that follows. Money is absorbing: after it has arrived, an older failure or a late
    /// void changes nothing, and events may come in any order.
    pub const fn after(self, happening: Happening) -> Result<Self, Refused> {
        match (self, happening) {
            (Self::Open | Self::Failed, Happening::ChargeFailed) => Ok(Self::Failed),
            // The rest is still owed, and what did arrive stays visible.
            (Self::PartiallyPaid, Happening::ChargeFailed) => Ok(Self::PartiallyPaid),
            (Self::Open | Self::Failed | Self::PartiallyPaid, Happening::MoneyArrived { in_full: true }) => Ok(Self::Paid),
            (Self::Open | Self::Failed | Self::PartiallyPaid, Happening::MoneyArrived { in_full: false }) => Ok(Self::PartiallyPaid),
            (Self::Open | Self::Failed | Self::PartiallyPaid, Happening::Voided) => Ok(Self::Void),
            (Self::Paid | Self::PartiallyPaid | Self::Disputed, Happening::RefundedInFull) => Ok(Self::Refunded),
            (Self::Paid | Self::PartiallyPaid, Happening::DisputeOpened) => Ok(Self::Disputed),
            (state, happening) => Err(Refused { state, happening }),
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text in the column that is no state: the CHECK of the table prevents it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a state of a transaction")]
pub struct NotAState;

impl FromStr for State {
    type Err = NotAState;

    fn from_str(text: &str) -> Result<Self, NotAState> {
        Self::ALL.into_iter().find(|state| state.name() == text).ok_or(NotAState)
    }
}

/// How an arriving amount splits into what is counted and what is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    pub counted_minor: i64,
    /// To be given back: the obligation was met, or was no longer one.
    pub surplus_minor: i64,
}

/// Splits `amount` at what is still owed, so that the sum counted never exceeds the amount due.
pub fn split(state: State, due_minor: i64, paid_minor: i64, amount_minor: i64) -> Split {
    let owed = if state.is_owed() { due_minor.saturating_sub(paid_minor).max(0) } else { 0 };
    let counted_minor = amount_minor.min(owed);
    Split { counted_minor, surplus_minor: amount_minor - counted_minor }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HAPPENINGS: [Happening; 6] = [
        Happening::ChargeFailed,
        Happening::MoneyArrived { in_full: true },
        Happening::MoneyArrived { in_full: false },
        Happening::Voided,
        Happening::RefundedInFull,
        Happening::DisputeOpened,
    ];

    #[test]
    fn money_is_absorbing() {
        for later in [Happening::ChargeFailed, Happening::Voided, Happening::MoneyArrived { in_full: true }] {
            assert!(State::Paid.after(later).is_err(), "{later:?}");
        }
    }

    #[test]
    fn what_is_over_stays_over() {
        for state in [State::Void, State::Refunded] {
            for happening in HAPPENINGS {
                assert!(state.after(happening).is_err(), "{state} {happening:?}");
            }
        }
    }

    #[test]
    fn every_state_reads_back() {
        for state in State::ALL {
            assert_eq!(state.name().parse(), Ok(state));
        }
        assert!("lost".parse::<State>().is_err());
    }

    #[test]
    fn a_second_payment_is_all_surplus() {
        assert_eq!(split(State::Failed, 100, 0, 100), Split { counted_minor: 100, surplus_minor: 0 });
        assert_eq!(split(State::Paid, 100, 100, 100), Split { counted_minor: 0, surplus_minor: 100 });
        assert_eq!(split(State::Void, 100, 0, 100), Split { counted_minor: 0, surplus_minor: 100 });
        assert_eq!(split(State::PartiallyPaid, 100, 40, 100), Split { counted_minor: 60, surplus_minor: 40 });
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_never_more_counted_than_due(due in 1i64..1_000_000, amounts in proptest::collection::vec(1i64..1_000_000, 0..8)) {
            let (mut state, mut paid, mut back) = (State::Failed, 0, 0);
            for amount in &amounts {
                let split = split(state, due, paid, *amount);
                paid += split.counted_minor;
                back += split.surplus_minor;
                if split.counted_minor > 0 {
                    state = state.after(Happening::MoneyArrived { in_full: paid >= due }).expect("it was owed");
                }
            }
            prop_assert!(paid <= due);
            prop_assert_eq!(paid + back, amounts.iter().sum::<i64>());
        }
    }
}
