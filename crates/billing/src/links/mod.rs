//! Payment links: one page, for one payer, to pay one obligation.
//!
//! The token in the address is the whole proof, so only its digest is kept. Looking at the page
//! spends nothing (mail scanners look); the button opens the provider's own page. Opening is
//! reserve, call, record: the reservation is told to others (`CheckoutOpened`), and recovery may
//! refuse it while a charge of its own is on its way. Once paid, all other links of the obligation
//! are revoked.

mod actions;
mod checkout;
mod fault;
mod finish;
mod link;
mod lookup;
mod page;
mod store;

use host::Registry;
use web::Routes as _;

pub use actions::{
    Visit, any_in_checkout, close, issue, reason_closed, revoke_all, session_expired, session_failed, session_of, session_processing,
};
pub use checkout::{Opening, open_checkout};
pub use fault::LinkFault;
pub use finish::{SessionAbandoned, settle_session};
pub use link::{LinkState, Model};
pub use lookup::{Found, address, by_token};

::store::org_scoped!(link);

pub(crate) fn register(app: &mut Registry) {
    app.faults::<LinkFault>();
    app.public_pages(page::routes());
    app.on::<SessionAbandoned>("billing.expire_session", finish::expire_session);
}
