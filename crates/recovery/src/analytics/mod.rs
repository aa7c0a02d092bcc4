//! Analytics: how much failed and how much came back.
//!
//! The unit is the case, the cohort is the day of its first failure, and the denominator is every
//! case, hard declines included. Amounts are never added across currencies. Every number is added up
//! from the rows of cases and outcomes whenever it is asked for, so that it can be recounted by
//! anybody, and each answer carries the sentences that define its numbers. What was sent for a case is
//! counted on the case itself, in the transaction that sends it.

mod definitions;
mod groups;
mod numbers;
mod range;
mod routes;
mod view;

use host::Registry;

pub(crate) use numbers::{ByCurrency, DayCount, by_currency, by_day};
pub(crate) use range::{Range, first_of_last};
pub(crate) use view::rate;
pub use view::{RecoveryRates, Summary};

pub(crate) fn register(app: &mut Registry) {
    routes::register(app);
}
