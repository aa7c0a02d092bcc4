//! The billing room: what is owed, what failed, what arrived, and the providers through which money
//! moves.
//!
//! - [`provider`] is the port: typed events come in, actions go out. [`stripe`] is an adapter behind
//!   it; the sandbox is a provider of our own for places without money.
//! - [`intake`] takes in what happened, by signed webhook or by a caller's report: once, in any order.
//! - [`transactions`] is the obligation and its story; [`methods`] the cards; [`connections`] the
//!   accounts at providers; [`links`] the payer's way to pay.
//!
//! What happened is told as events ([`event`]). Recovery hears of failures through [`Sink`], because
//! whoever reports one is answered with its case.
//!
//! Absences: no card number is ever stored or asked for; no call to a provider runs inside a
//! transaction; nothing here decides whether to try again.

pub mod connections;
pub mod event;
mod http;
pub mod intake;
pub mod links;
pub mod methods;
mod migration;
pub mod permissions;
pub mod provider;
mod sandbox;
pub mod stripe;
mod surplus;
pub mod transactions;

use std::sync::Arc;

use host::{Registry, section};

pub use connections::{ConnectionFault, ConnectionView, gateway};
pub use intake::{FailureSink, Opened, RecordedFailure, Sink};
pub use links::LinkFault;
pub use permissions::{EVENTS_WRITE, PAYMENTS_READ, PAYMENTS_WRITE};
pub use provider::{Action, ActionResult, Gateway, IdempotencyKey, PaymentState, PaymentStatus, ProviderError, ProviderRef, Providers};
pub use transactions::{State, TransactionView};

section! {
    /// How Stripe is reached.
    pub struct StripeConfig("stripe") {
        /// Stands in for Stripe's own address: a proxy, or a double in a test.
        #[env("STRIPE_API_BASE")]
        api_base: Option<String> = None,
    }
}

/// Brings payments: connections, intake, transactions, links, and the sandbox where it may be.
pub struct Module;

impl host::Module for Module {
    fn name(&self) -> &'static str {
        "billing"
    }

    fn register(&self, app: &mut Registry) {
        let config = app.config::<StripeConfig>();
        if app.environment().is_production() && config.api_base.is_some() {
            app.config_refusal("stripe.api_base", "in production Stripe is reached at its own address");
        }
        let sandbox_url = format!("{}{}", app.public_url(), sandbox::BASE_PATH);
        app.provide(Providers::new(Arc::new(stripe::Stripe::new(config.api_base)), sandbox_url));
        app.migrations(migration::steps());
        app.permissions(&permissions::ALL);
        app.faults::<provider::ProviderFault>();
        app.on::<event::SurplusReceived>("billing.refund_surplus", surplus::refund);
        app.on::<surplus::InvoicePaidElsewhere>("billing.record_paid", surplus::record_paid);
        connections::register(app);
        intake::register(app);
        links::register(app);
        sandbox::register(app);
    }
}
