//! Attempts: each try of ours to collect, from its plan to its result.
//!
//! At most one attempt of a case is open at any time, and a constraint holds that. An attempt has
//! one idempotency key for its whole life, so that sending it again cannot charge again; what
//! became of one whose answer was lost is only ever read back.

mod actions;
mod attempt;
mod state;
mod store;

pub use attempt::Model;
pub use state::{AttemptKind, AttemptState, ImpossibleStep};

pub(crate) use actions::{Amounts, cancel_planned, change, plan, plan_first, submit};
pub(crate) use store::{by_id, of_case, of_cases, open_of_case};

::store::org_scoped!(attempt);
