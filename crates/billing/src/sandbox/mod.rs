//! The sandbox: a payment provider in this program, for development, demos and tests.
//!
//! It answers HTTP in Stripe's shape under [`BASE_PATH`], so the Stripe adapter is its only client
//! and nothing above the provider port knows the difference. It keeps its own books in platform
//! tables, does what its scripts say a bank does, treats idempotency keys as Stripe does, and really
//! sends its signed webhooks over HTTP, by durable work, with faults on demand. Its time is our
//! clock.

mod call;
mod charge;
mod charging;
mod delivery;
mod dev;
mod faults;
mod fields;
mod hosted;
mod intents;
mod invoices;
mod methods;
mod outcome;
mod refunds;
mod refusal;
mod scripts;
mod server;
mod sessions;
mod tables;

use host::Registry;
use web::Routes as _;

pub(crate) use charge::{Charge, Payer, fresh_token, make};
pub(crate) use tables::{down as tables_down, up as tables_up};

/// Where it answers, behind the public URL.
pub(crate) const BASE_PATH: &str = "/dev/sandbox/stripe";
/// The version whose shapes it speaks: the newer one, in which invoices and intents do not name each other.
const API_VERSION: &str = "2025-03-31.basil";

pub(crate) fn register(app: &mut Registry) {
    app.raw_dev(server::routes());
    app.raw_dev(hosted::routes());
    app.raw_dev(dev::routes());
    delivery::register(app);
    sessions::register(app);
}
