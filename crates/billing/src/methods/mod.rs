//! Payment methods: cards and other ways to pay, by the provider's token. Never a card number.
//!
//! A method is `usable`, `stale` (its data has to change first) or `blocked` (only another method
//! helps). Recovery decides which, from the decline; new data from the provider makes a stale
//! method usable again, and never a blocked one.

mod actions;
mod method;
mod store;

pub use actions::{find, mark, meet, remember};

pub(crate) use actions::move_to;
pub use method::{MethodState, Model};

::store::org_scoped!(method);
