//! The recovery room: getting paid after a charge failed, without ever charging what must not be
//! charged.
//!
//! A failure that billing records opens a case ([`cases`]). Its decline is classified by a table
//! ([`classify`]), a pure planner says what comes next and why ([`policy`]), and a durable flow does
//! it when it is due: an attempt ([`attempts`]), within the card networks' budget, or a mail to
//! the payer with a single-use link ([`messages`]). Money that arrives ends the case in the same
//! transaction ([`outcomes`]), and [`analytics`] counts what came back.
//!
//! Absences: nothing here moves money by itself (billing's adapters do, and only with the key of an
//! attempt), no mail tells a payer why a card was declined, and no number is added across
//! currencies.

pub mod alerts;
pub mod analytics;
pub mod attempts;
mod cards;
pub mod cases;
pub mod classify;
mod flow;
mod locks;
pub mod messages;
mod migration;
pub mod outcomes;
mod pages;
pub mod permissions;
pub mod policy;
pub mod settings;

use host::Registry;

pub use cases::{CaseState, CaseView};
pub use settings::RecoveryConfig;

/// Brings the recovery of failed payments.
pub struct Module;

impl host::Module for Module {
    fn name(&self) -> &'static str {
        "recovery"
    }

    fn register(&self, app: &mut Registry) {
        let config = app.config::<RecoveryConfig>();
        for (key, wrong) in config.faults() {
            app.config_fault(key, wrong);
        }
        let config = app.provide(config);
        app.migrations(migration::steps());
        app.permissions(&permissions::ALL);
        classify::routes::register(app);
        cases::register(app, &config);
        alerts::register(app);
        flow::register(app);
        analytics::register(app);
        pages::register(app);
    }
}
