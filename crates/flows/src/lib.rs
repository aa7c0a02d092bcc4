//! Durable work: workflows that survive restarts, activities that are retried, timers, signals and
//! schedules.
//!
//! A [`Workflow`] is an ordinary async function over a [`FlowCx`]. It asks for steps, sleeps and
//! signals, and each answer is recorded, so that after a crash the same function runs again from
//! its record to where it was. A run starts in the transaction of the change that causes it
//! ([`start`]), so it starts if and only if that change committed. What touches the world is an
//! [`Activity`]: it runs outside any transaction, at least once, and gets a key that is the same on
//! every try ([`host::Work::key`]).
//!
//! The [`Engine`] is embedded: claimed runs carry a lease and a fencing token in the same database
//! as everything else, on SQLite and on Postgres.

mod body;
mod catalog;
mod config;
mod cx;
mod engine;
mod fault;
mod ledger;
mod migration;
mod names;
mod retry;
mod schedule;
mod single;
mod start;

use std::sync::Arc;

use chrono::TimeDelta;
use host::{Core, Registry, Role};

pub use catalog::{ActivityOptions, Catalog, Flows};
pub use config::FlowsConfig;
pub use cx::FlowCx;
pub use engine::{DeadLetter, Engine, Left};
pub use fault::FlowFault;
pub use migration::migrations;
pub use names::{Activity, StartOptions, Workflow};
pub use retry::Retry;
pub use schedule::Schedule;
pub use start::{signal, start, start_system};

/// The statements by which the engine finds due work, by name: for a test that asks the database how it
/// would run them. `$1` and `$3` are instants, `$2` is a number of rows.
pub fn scans(engine: store::Engine) -> Vec<(&'static str, &'static str)> {
    ledger::SCANS.into_iter().chain(ledger::LOOKS).map(|(name, sql)| (name, sql.text(engine))).collect()
}

/// The room itself, first among the modules that have durable work.
pub struct Module;

/// Work that waits longer than this for a worker is reported: nobody is working, or far too few.
const OVERDUE: TimeDelta = TimeDelta::minutes(5);

impl host::Module for Module {
    fn name(&self) -> &'static str {
        "flows"
    }

    fn register(&self, app: &mut Registry) {
        let options = app.config::<FlowsConfig>();
        app.migrations(migrations());
        app.provide(Engine::new(options));
        app.provide_starter(Arc::new(single::ListenerStarter));
        single::register(app);
        app.activity(engine::SWEEP, engine::sweep);
        // At night in Europe and the Americas, off the full hour that everybody else's jobs take.
        app.schedule("flows.sweep", "17 3 * * *", engine::SWEEP);
        app.service("flows", Role::Worker, engine::serve);
        app.check("flows", queue_moves);
    }
}

async fn queue_moves(core: Core) -> Result<(), String> {
    let oldest = ledger::oldest_due(&core.store).await.map_err(|_| "the queue of durable work cannot be read".to_owned())?;
    match oldest {
        Some(due_at) if core.clock.now() - due_at > OVERDUE => Err(format!("work waits since {due_at} for a worker")),
        _ => Ok(()),
    }
}
