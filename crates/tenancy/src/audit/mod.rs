//! The audit trail: what was done in an organization, by whom, and from where. Every room writes
//! its lines in the transaction of the change itself; here they are read.

mod actions;
mod kinds;
mod page;
mod query;
mod routes;
mod store;
mod view;

use host::Registry;

pub use actions::list;
pub use query::{AuditQuery, Filters};
pub use view::{AuditActor, AuditLineId, AuditLineView, AuditSubject};

pub(crate) fn register(app: &mut Registry) {
    routes::register(app);
    page::register(app);
}
