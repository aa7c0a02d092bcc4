//! Policy: when to try again and when to write, decided by a pure function.
//!
//! A policy is a set of ladders, one per class of decline, kept as data. The [`planner`] reads the
//! facts of a case, its history and the ladder and says what comes next and why; it never asks the
//! time and never draws chance, so that the same input gives the same plan (and the same
//! explanation) for ever. Safety bounds are not policy: no ladder can loosen them.

pub mod budget;
pub mod ladder;
pub mod local;
mod messages;
pub mod planner;
mod retries;

pub use budget::Budget;
pub use ladder::Policy;
pub(crate) use messages::{LETTERS_DAY_MAX, LETTERS_WEEK_MAX};
pub use planner::{Explanation, Facts, History, Hold, Owner, Plan, Step, StepKind, plan};
