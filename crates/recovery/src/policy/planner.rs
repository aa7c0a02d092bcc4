//! The planner: facts, policy and history in, the next step and its reasons out.

use chrono_tz::Tz;
use kernel::At;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ladder::{Ladder, Policy};
use super::{Budget, messages, retries};
use crate::classify::class::words;
use crate::classify::{Class, Hardness};

words! {
    /// Who retries a payment.
    pub enum Owner {
        /// We do.
        Us = "us",
        /// The provider still retries by itself: we only observe and write.
        Psp = "psp",
        /// Somebody else does.
        External = "external",
    }
}

words! {
    /// Why a case waits without a planned attempt or message.
    pub enum Hold {
        /// No connection to a provider: nothing can be charged and no link can be made.
        NoConnection = "no_connection",
        /// No address to write to.
        NoContact = "no_contact",
        /// A person has to look first.
        ManualReview = "manual_review",
        /// The provider itself is still retrying.
        ProviderRetries = "provider_retries",
    }
}

words! {
    /// What a plan can ask for.
    pub enum StepKind {
        /// Charge the method again.
        Retry = "retry",
        /// Write to the payer.
        Message = "message",
        /// Ask the provider what became of the payment.
        ReadBack = "read_back",
        /// Close the case.
        GiveUp = "give_up",
    }
}

/// What is known of a case when it is planned.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    pub class: Class,
    pub hardness: Hardness,
    pub owner: Owner,
    /// The first failure: what the rungs are counted from.
    pub opened_at: At,
    /// Nothing is planned after it.
    pub deadline_at: At,
    /// No attempt before it, by advice of the network or the provider.
    pub floor_at: Option<At>,
    /// The payer's zone, else the organization's.
    pub zone: Tz,
    /// When the method got the new data that a declined one was waiting for: what was tried before it
    /// says nothing of the new data.
    pub renewed_at: Option<At>,
    /// Whether the provider can charge this method without the payer.
    pub can_charge: bool,
    /// Whether a connection exists at all.
    pub is_connected: bool,
    /// Whether there is an address to write to.
    pub has_contact: bool,
    /// No letter before it: the address has had as many as it may.
    pub letters_from: Option<At>,
    /// Whether a link may go out before a person has looked.
    pub link_allowed: bool,
    pub budget: Budget,
}

/// What was done so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// Attempts of ours on this case.
    pub retries: Vec<At>,
    /// Declines, the first failure included.
    pub misses: u32,
    pub messages: Vec<At>,
    pub read_backs: u32,
    /// Every attempt on the card that we know of, ours and others', on any case.
    pub card: Vec<At>,
}

/// One thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Step {
    pub kind: StepKind,
    #[schema(value_type = String, format = DateTime)]
    pub at: At,
}

/// What comes next and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub next: Step,
    /// When the next attempt would be made, also when something else comes first.
    pub retry_at: Option<At>,
    /// When the next message would be written, also when something else comes first.
    pub message_at: Option<At>,
    pub hold: Option<Hold>,
    pub explanation: Explanation,
}

/// Why a plan is as it is, in plain words; kept with the case and shown in the console.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    pub summary: String,
    /// The ladders and the version that were used.
    pub policy: String,
    /// What spoke for the instant that was chosen.
    pub factors: Vec<String>,
    /// Safety bounds that moved or forbade something.
    pub clamped_by: Vec<String>,
}

/// Everything that a plan is made from, handed around as one.
pub(super) struct Desk<'a> {
    pub facts: &'a Facts,
    pub policy: &'a Policy,
    pub ladder: &'a Ladder,
    pub history: &'a History,
    pub now: At,
    pub seed: u64,
}

/// A candidate, or why there is none.
pub(super) type Candidate = Result<Proposal, String>;

pub(super) struct Proposal {
    pub at: At,
    pub factor: String,
    pub clamped_by: Vec<String>,
}

impl Desk<'_> {
    /// A share from 0 to 1 that depends only on the seed and `salt`.
    pub fn share(&self, salt: u64) -> f64 {
        // SplitMix64 (Steele, Lea and Flood, 2014): one mixing round spreads neighbouring seeds.
        let mut mixed = self.seed.wrapping_add(salt.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Plans the next step of an open case. Pure: the same input gives the same plan.
pub fn plan(facts: &Facts, policy: &Policy, history: &History, now: At, seed: u64) -> Plan {
    let desk = Desk { facts, policy, ladder: policy.ladder(facts.class), history, now, seed };
    let mut explanation = Explanation { policy: format!("{}, ladder {}", policy.version, facts.class), ..Explanation::default() };
    if now >= facts.deadline_at {
        return give_up(&desk, explanation, "the deadline has passed".to_owned(), None);
    }
    let retry = retries::propose(&desk);
    let message = messages::propose(&desk, retry.is_ok());
    let (retry_at, message_at) = (at_of(&retry), at_of(&message));
    let mut candidates = vec![(StepKind::Retry, retry), (StepKind::Message, message)];
    if facts.hardness == Hardness::Stop {
        candidates.insert(0, (StepKind::ReadBack, retries::read_back(&desk)));
    }
    let hold = hold(&desk, candidates.iter().all(|(_, candidate)| candidate.is_err()));
    let (best, refused) = earliest(candidates);
    explanation.factors = refused;
    match best {
        None => give_up(&desk, explanation, "nothing further is planned".to_owned(), hold),
        Some((kind, proposal)) => {
            explanation.summary = summary(kind, facts);
            explanation.factors.insert(0, proposal.factor);
            explanation.clamped_by = proposal.clamped_by;
            Plan { next: Step { kind, at: proposal.at }, retry_at, message_at, hold, explanation }
        }
    }
}

fn at_of(candidate: &Candidate) -> Option<At> {
    candidate.as_ref().ok().map(|proposal| proposal.at)
}

/// The candidate that comes first (of two at the same instant the one that stands first), and why
/// the others do not come at all.
fn earliest(candidates: Vec<(StepKind, Candidate)>) -> (Option<(StepKind, Proposal)>, Vec<String>) {
    let mut best: Option<(StepKind, Proposal)> = None;
    let mut refused = Vec::new();
    for (kind, candidate) in candidates {
        match candidate {
            Err(why) => refused.push(why),
            Ok(proposal) if best.as_ref().is_none_or(|(_, held)| proposal.at < held.at) => best = Some((kind, proposal)),
            Ok(_) => {}
        }
    }
    (best, refused)
}

/// The case stays open until its deadline, because a payer may still pay by the last link.
fn give_up(desk: &Desk<'_>, mut explanation: Explanation, why: String, hold: Option<Hold>) -> Plan {
    explanation.summary = match hold {
        Some(hold) => format!("Waits: {}.", describe_hold(hold)),
        None => format!("Closes at the deadline, because {why}."),
    };
    Plan { next: Step { kind: StepKind::GiveUp, at: desk.facts.deadline_at }, retry_at: None, message_at: None, hold, explanation }
}

/// Why a case waits, if it does.
fn hold(desk: &Desk<'_>, is_idle: bool) -> Option<Hold> {
    let facts = desk.facts;
    if !facts.is_connected {
        Some(Hold::NoConnection)
    } else if !facts.has_contact {
        Some(Hold::NoContact)
    } else if is_idle && (!facts.link_allowed || facts.hardness == Hardness::Stop) {
        Some(Hold::ManualReview)
    } else if is_idle && facts.owner != Owner::Us {
        Some(Hold::ProviderRetries)
    } else {
        None
    }
}

/// Plain words for the console.
pub const fn describe_hold(hold: Hold) -> &'static str {
    match hold {
        Hold::NoConnection => "no payment provider is connected",
        Hold::NoContact => "there is no address to write to",
        Hold::ManualReview => "a person has to look at it first",
        Hold::ProviderRetries => "the payment provider is still retrying by itself",
    }
}

fn summary(kind: StepKind, facts: &Facts) -> String {
    let because = facts.class.describe();
    match kind {
        StepKind::Retry => format!("Charges the method again, because {because} and that can pass."),
        StepKind::Message => format!("Writes to the payer with a payment link, because of {because}."),
        StepKind::ReadBack => format!("Asks the provider first, because {because}."),
        StepKind::GiveUp => "Closes at the deadline.".to_owned(),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
