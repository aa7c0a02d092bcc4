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

/// The largest amount of one payment: far above any card's limit, far below where sums overflow.
pub(crate) const AMOUNT_MAX: i64 = 1_000_000_000_000;

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
        if app.environment().is_production() && config.api_base.as_deref().is_some_and(is_open_to_eavesdroppers) {
            app.config_refusal("stripe.api_base", "in production API keys travel encrypted: use https, or a proxy on this machine");
        }
        let sandbox_url = format!("{}{}", app.public_url(), sandbox::BASE_PATH);
        let follows_rows = connections::may_name_address(app.environment());
        app.provide(Providers::new(Arc::new(stripe::Stripe::new(config.api_base)), sandbox_url, follows_rows));
        app.migrations(migration::steps());
        app.permissions(&permissions::ALL);
        app.faults::<provider::ProviderFault>();
        app.on::<event::SurplusReceived>("billing.refund_surplus", surplus::refund);
        app.on::<connections::ConnectionChanged>("billing.connection_changed", surplus::connection_changed);
        app.on::<surplus::InvoicePaidElsewhere>("billing.record_paid", surplus::record_paid);
        connections::register(app);
        intake::register(app);
        transactions::register(app);
        links::register(app);
        sandbox::register(app);
    }
}

/// Whether keys would cross a network unencrypted on the way to this address.
fn is_open_to_eavesdroppers(address: &str) -> bool {
    let Ok(url) = url::Url::parse(address) else { return true };
    let is_here = match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.scheme() != "https" && !is_here
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_travel_encrypted_or_not_at_all() {
        for fine in ["https://proxy.example.com", "http://127.0.0.1:8080", "http://[::1]/", "http://localhost:12111"] {
            assert!(!is_open_to_eavesdroppers(fine), "{fine}");
        }
        for wrong in ["http://proxy.example.com", "http://10.0.0.7", "proxy", ""] {
            assert!(is_open_to_eavesdroppers(wrong), "{wrong}");
        }
    }
}
