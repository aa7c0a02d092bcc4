//! The states of an attempt and of a message, and the steps between them.

use crate::classify::class::words;

words! {
    /// Where an attempt stands.
    pub enum AttemptState {
        Planned = "planned",
        /// One worker holds it; nothing was sent.
        Claimed = "claimed",
        /// The request may have gone out.
        Submitted = "submitted",
        Succeeded = "succeeded",
        Declined = "declined",
        /// The payer has to prove themselves.
        RequiresAction = "requires_action",
        /// The request went out and no answer came.
        Unknown = "unknown",
        /// Never sent.
        Cancelled = "cancelled",
    }
}

words! {
    /// What kind of try it is.
    pub enum AttemptKind {
        /// Planned by the policy.
        Retry = "retry",
        /// The payer, by a link of ours.
        Link = "link",
        /// A person of the company.
        Manual = "manual",
        /// Somebody else, as an event told.
        External = "external",
    }
}

/// A step that an attempt cannot take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an attempt that is {from} cannot become {to}")]
pub struct ImpossibleStep {
    pub from: AttemptState,
    pub to: AttemptState,
}

impl AttemptState {
    /// The states that hold the case's one slot.
    pub const OPEN: [Self; 3] = [Self::Claimed, Self::Submitted, Self::Unknown];

    /// The next state, or why there is no such step.
    pub fn step(self, to: Self) -> Result<Self, ImpossibleStep> {
        use AttemptState::{Cancelled, Claimed, Declined, Planned, RequiresAction, Submitted, Succeeded, Unknown};
        let possible = match (self, to) {
            (Planned, Claimed | Cancelled) => true,
            // The lease ran out before anything was sent, or the last look said that it is paid.
            (Claimed, Planned | Submitted | Cancelled) => true,
            // Cancelled only when the provider could not even be reached: nothing went out.
            (Submitted, Succeeded | Declined | RequiresAction | Unknown | Cancelled) => true,
            // By reading back, never by sending again with a new key. Cancelled when the provider knows
            // nothing of it: the request never arrived.
            (Unknown, Succeeded | Declined | RequiresAction | Cancelled) => true,
            _ => false,
        };
        if possible { Ok(to) } else { Err(ImpossibleStep { from: self, to }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_final() {
        for from in [AttemptState::Succeeded, AttemptState::Declined, AttemptState::Cancelled] {
            assert!(AttemptState::ALL.iter().all(|to| from.step(*to).is_err()), "{from}");
        }
    }

    #[test]
    fn what_may_have_been_sent_never_goes_back_to_the_plan() {
        assert!(AttemptState::Submitted.step(AttemptState::Planned).is_err());
        assert!(AttemptState::Unknown.step(AttemptState::Planned).is_err());
        assert!(AttemptState::Unknown.step(AttemptState::Submitted).is_err(), "an unknown result is read back, not sent again");
        assert!(AttemptState::Claimed.step(AttemptState::Planned).is_ok());
    }
}
