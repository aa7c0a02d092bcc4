//! States in words, and how they feel.

use console::{Badge, Tone};

use crate::attempts::AttemptState;
use crate::cases::CaseState;
use crate::outcomes::Mechanism;
use crate::policy::StepKind;

/// Stands beside the state of a case that a person has to look at.
pub(super) const ATTENTION: Badge<'static> = Badge { text: "Needs a look", tone: Tone::Bad };

pub(super) const fn state(state: CaseState) -> Badge<'static> {
    let (text, tone) = match state {
        CaseState::Detected => ("New", Tone::Info),
        CaseState::Waiting => ("Waiting", Tone::Neutral),
        CaseState::Scheduled => ("Scheduled", Tone::Info),
        CaseState::InFlight => ("Being tried", Tone::Info),
        CaseState::ActionRequired => ("Payer must act", Tone::Warn),
        CaseState::SyncPending => ("Result unknown", Tone::Warn),
        CaseState::Paused => ("Paused", Tone::Neutral),
        CaseState::CustomerPaying => ("Payer is paying", Tone::Info),
        CaseState::Recovered => ("Recovered", Tone::Ok),
        CaseState::PartiallyRecovered => ("Partly recovered", Tone::Ok),
        CaseState::Exhausted => ("Given up", Tone::Bad),
        CaseState::NotRecoverable => ("Not recoverable", Tone::Bad),
        CaseState::Cancelled => ("Cancelled", Tone::Neutral),
        CaseState::Disputed => ("Disputed", Tone::Bad),
        CaseState::Reversed => ("Given back", Tone::Bad),
    };
    Badge { text, tone }
}

pub(super) const fn attempt(state: AttemptState) -> &'static str {
    match state {
        AttemptState::Planned => "A retry is planned",
        AttemptState::Claimed => "A retry is about to be sent",
        AttemptState::Submitted => "A retry was sent",
        AttemptState::Succeeded => "A retry succeeded",
        AttemptState::Declined => "A retry was declined",
        AttemptState::RequiresAction => "A retry needs the payer's confirmation",
        AttemptState::Unknown => "A retry was sent and its result is not known yet",
        AttemptState::Cancelled => "A planned retry was taken back",
    }
}

pub(super) const fn next(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Retry => "Retry",
        StepKind::Message => "Mail to the payer",
        StepKind::ReadBack => "Ask the provider",
        StepKind::GiveUp => "Close",
    }
}

pub(super) const fn mechanism(mechanism: Mechanism) -> &'static str {
    match mechanism {
        Mechanism::Retry => "a retry",
        Mechanism::MethodUpdateThenRetry => "a retry after the card got new data",
        Mechanism::LinkEmail => "the link in a mail",
        Mechanism::PspRetry => "a retry of the provider",
        Mechanism::Organic => "the payer, without our doing",
        Mechanism::Manual => "somebody of the company",
    }
}
