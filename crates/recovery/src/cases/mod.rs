//! Cases: the recovery of one failed obligation, from its first failure to its outcome.
//!
//! One obligation has one case; repeated failures add to it. An open case always has a next action
//! or a named reason to wait, and a constraint holds that. The row is the truth: the durable flow
//! only wakes up when the row says so, and money that arrives ends the case and everything planned
//! in the same transaction.

mod actions;
mod case;
mod closing;
pub mod events;
mod fault;
mod money;
mod obligation;
mod open;
mod pausing;
mod planning;
mod recount;
mod reopening;
mod routes;
mod state;
mod store;
mod tally;
mod view;

use std::sync::Arc;

use billing::connections::ConnectionChanged;
use billing::event::{
    CheckoutExpired, CheckoutOpened, EarlierFailureTold, MethodUpdated, ObligationVoided, PaymentDisputed, PaymentReceived,
    PaymentRefunded, TransactionConnected,
};
use host::Registry;

pub use actions::{by_reference, find, list, of_customer};
pub use case::Model;
pub use fault::CaseFault;
pub use pausing::{pause, resume};
pub use state::{CaseState, ImpossibleStep};
pub use view::{AttemptView, CaseView, MessageView, OutcomeView};

pub(crate) use actions::{locked, note, of_transaction};
pub(crate) use closing::give_up;
pub(crate) use money::checkout_ended;
pub(crate) use obligation::Obligation;
pub(crate) use open::Opening;
pub(crate) use pausing::{stop_for_person, stop_if_alerted};
pub(crate) use planning::{ask, replan, write};
pub(crate) use tally::tally;
pub(crate) use view::view;

use crate::settings::RecoveryConfig;

/// The part of the program that acts here, for the audit trail.
pub(crate) const PART: &str = "recovery";

::store::org_scoped!(case);

pub(crate) fn register(app: &mut Registry, config: &Arc<RecoveryConfig>) {
    app.faults::<CaseFault>();
    routes::register(app);
    recount::register(app);
    app.provide(billing::Sink::new(Arc::new(Opening(config.clone()))));
    app.on_tx::<PaymentReceived>("recovery.payment_received", |tx, event| Box::pin(money::received(tx, event)));
    app.on_tx::<PaymentRefunded>("recovery.payment_refunded", |tx, event| Box::pin(money::refunded(tx, event)));
    app.on_tx::<PaymentDisputed>("recovery.payment_disputed", |tx, event| Box::pin(money::disputed(tx, event)));
    app.on_tx::<ObligationVoided>("recovery.obligation_voided", |tx, event| Box::pin(money::voided(tx, event)));
    app.on_tx::<CheckoutOpened>("recovery.checkout_opened", |tx, event| Box::pin(money::checkout_opened(tx, event)));
    app.on_tx::<EarlierFailureTold>("recovery.earlier_failure_told", |tx, event| Box::pin(open::earlier(tx, event)));
    let known = config.clone();
    app.on_tx::<TransactionConnected>("recovery.transaction_connected", move |tx, event| {
        let config = known.clone();
        Box::pin(async move { reopening::connected(tx, &config, event).await })
    });
    app.on::<ConnectionChanged>("recovery.connection_changed", reopening::connection_changed);
    let known = config.clone();
    app.on_tx::<MethodUpdated>("recovery.method_updated", move |tx, event| {
        let config = known.clone();
        Box::pin(async move { reopening::method_updated(tx, &config, event).await })
    });
    let known = config.clone();
    app.on_tx::<CheckoutExpired>("recovery.checkout_expired", move |tx, event| {
        let config = known.clone();
        Box::pin(async move { money::checkout_expired(tx, &config, event).await })
    });
}
