//! The timeline: all that happened to a customer, from every room, newest first.
//!
//! A room that does something about a customer notes it here, in the transaction in which it does
//! it. Entries are written once; nobody changes or deletes one.

mod actions;
mod entry;
pub(crate) mod migration;
mod routes;
mod store;

use host::Registry;
use web::Routes as _;

pub use actions::{list, note};
pub use entry::{Entry, EntryId, EntryView, Model as NotedEntry};

/// Characters in an entry's text: what fits on a screen; the whole story is in the audit trail.
pub const TEXT_LEN_MAX: usize = 1_000;

::store::org_scoped!(append_only entry);

pub(crate) fn register(app: &mut Registry) {
    app.migrations([migration::STEP]);
    app.routes(routes::routes());
}
