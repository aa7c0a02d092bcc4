//! Intake: how what happened at a provider gets in.
//!
//! Two ways lead in, the provider's signed webhook and a caller's own report, and both end in the
//! same recording. A webhook is checked on its raw bytes, joined with what its document leaves out,
//! and kept before it is acknowledged; duplicates, other orders and unknown parents change nothing
//! of the final state. What cannot be applied at once is kept and tried again by durable work.

mod apply;
mod card_number;
mod checkout;
mod failing;
mod later;
mod payer;
mod provider_event;
mod report;
mod report_types;
mod routes;
mod sink;
mod store;
mod taking;
mod views;
mod waiting_ref;
mod webhook;

use host::Registry;
use web::Routes as _;

pub use provider_event::{EventState, Model as EventRow, reason};
pub use report_types::{ReportFailure, ReportFault};
pub use sink::{FailureSink, Opened, RecordedFailure, Sink};
pub use views::{RefView, ReportedView};

pub(crate) use store::of_connection;

::store::org_scoped!(provider_event);
::store::org_scoped!(append_only waiting_ref);

pub(crate) fn register(app: &mut Registry) {
    app.faults::<ReportFault>();
    app.faults::<webhook::WebhookFault>();
    app.raw(webhook::routes());
    // A provider doesn't repeat a message for ever.
    app.goes_on_read_only(&[webhook::PATH]);
    routes::register(app);
    later::register(app);
}
