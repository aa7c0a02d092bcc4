//! Transactions: an obligation to pay, and all that happened to it.
//!
//! One obligation is one row, whichever of its ids an event uses: every id that is ever told for
//! it leads to it. Its state only moves as [`State::after`] allows; each failed charge is a row of
//! `payment_failures`, each movement of money a row of `receipts`, counted once however many events
//! tell of it. What arrives beyond the amount due is kept on its receipt and given back.

mod connecting;
mod failing;
mod failure;
mod find;
mod opening;
mod panel;
mod receipt;
mod receiving;
mod reference;
mod refunding;
mod routes;
mod state;
mod store;
mod transaction;
mod view;

use crm::CustomerPage as _;
use host::Registry;

pub use failing::{Failing, NewFailure, fail, fail_in_checkout};
pub use find::{by_ref, failures, find, hold, receipts, was_known};
pub use opening::{NewTransaction, add_refs, open};
pub use receiving::{NewReceipt, Received, dispute, receive, void};
pub use refunding::{Refunding, record_refund, refund_by_hand, refund_sent};
pub use state::{Happening, NotAState, Refused, Split, State, split};
pub use transaction::{Model, Source};
pub use view::{FailureView, ReceiptView, TransactionView};

pub use routes::TransactionFault;

pub(crate) use connecting::connect_all;
pub(crate) use failing::{ECHO, set_case};
pub(crate) use find::{by_refs, receipt_by_id, receipts_by_hand};
pub(crate) use receiving::attention;

/// A failed charge, as a row.
pub use failure::Model as FailureRow;
/// A movement of money, as a row.
pub use receipt::Model as ReceiptRow;

::store::org_scoped!(transaction, failure, receipt);
::store::org_scoped!(append_only reference);

pub(crate) fn register(app: &mut Registry) {
    routes::register(app);
    app.customer_panel(20, panel::of_customer);
}
