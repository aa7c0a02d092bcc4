//! Messages to payers: written through the mail room, each with a link of its own.
//!
//! The words are neutral: a payer is never told why a card was declined, least of all that it was
//! reported lost or stolen. A mail says how long its link works, and that number is the one by
//! which the link is made. One mailbox gets so many letters of an organization and no more, whatever
//! is reported about it.

mod actions;
mod allowance;
mod letter;
mod message;
mod store;

pub use letter::Template;
pub use message::{MessageState, Model};

pub(crate) use actions::{plan, plan_first, skip_planned, withdraw_queued, write};
pub(crate) use allowance::room_from;
pub(crate) use store::{of_cases, written_at};

::store::org_scoped!(message);
