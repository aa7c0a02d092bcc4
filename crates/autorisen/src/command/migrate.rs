//! `migrate up | down | status | plan | stamp`.

mod plan;

use host::Prepared;
use host::telemetry::Stream;

use super::{Shared, log_to, say, tell};
use crate::App;
use crate::start::Ended;

/// Change the database's schema.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Migrate {
    /// Apply every pending step.
    Up(Shared),
    /// Take back the latest steps.
    Down {
        /// How many.
        #[arg(long, default_value_t = 1)]
        steps: u32,
        #[command(flatten)]
        shared: Shared,
    },
    /// List all steps; ends with 1 while some are pending.
    Status {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        shared: Shared,
    },
    /// Print what `up` would run, in SQL; what may lose data is marked. Changes nothing.
    Plan(plan::PlanCommand),
    /// Say of every pending step that it is applied, without running it.
    Stamp {
        /// The schema was looked at, and is what the steps would make.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        shared: Shared,
    },
}

impl Migrate {
    const fn shared(&self) -> &Shared {
        match self {
            Self::Up(shared) | Self::Down { shared, .. } | Self::Status { shared, .. } | Self::Stamp { shared, .. } => shared,
            Self::Plan(asked) => &asked.shared,
        }
    }
}

pub(super) async fn run(app: App, asked: Migrate) -> Result<(), Ended> {
    let prepared = app.prepare(asked.shared().sources())?;
    log_to(&prepared, Stream::Stderr);
    match asked {
        // A plan is made without opening the store, which would make a file or a role.
        Migrate::Plan(asked) => plan::print(&prepared, &asked).await,
        asked => change(&prepared, asked).await,
    }
}

async fn change(prepared: &Prepared, asked: Migrate) -> Result<(), Ended> {
    if matches!(asked, Migrate::Stamp { yes: false, .. }) {
        return Err(Ended { code: 2, ..Ended::failed("a stamp is believed: a step that did not run leaves a schema that is not there") }
            .hint("autorisen migrate plan shows what would be skipped; then add --yes"));
    }
    let (core, plan) = (prepared.open().await?, prepared.plan());
    match asked {
        Migrate::Up(_) => {
            let applied = plan.up(&core.store).await?;
            applied.iter().copied().for_each(say);
            tell(&format!("{} steps applied", applied.len()));
        }
        Migrate::Down { steps, .. } => {
            let undone = plan.down(&core.store, steps).await?;
            undone.iter().copied().for_each(say);
            tell(&format!("{} steps taken back", undone.len()));
        }
        Migrate::Stamp { .. } => {
            let stamped = plan.stamp(&core.store).await?;
            stamped.iter().copied().for_each(say);
            tell(&format!("{} steps are taken for applied, and none was run", stamped.len()));
        }
        Migrate::Status { json, .. } => status(&plan.status(&core.store).await?, json)?,
        Migrate::Plan(_) => {}
    }
    core.store.close().await;
    Ok(())
}

fn status(steps: &[(&'static str, bool)], json: bool) -> Result<(), Ended> {
    if json {
        let rows: Vec<_> = steps.iter().map(|(name, applied)| serde_json::json!({"name": name, "applied": applied})).collect();
        say(&serde_json::Value::from(rows).to_string());
    } else {
        for (name, applied) in steps {
            say(&format!("{} {name}", if *applied { "applied" } else { "pending" }));
        }
    }
    let pending = steps.iter().filter(|(_, applied)| !applied).count();
    if pending > 0 {
        return Err(Ended::failed(format!("{pending} steps are pending")).hint("autorisen migrate up"));
    }
    Ok(())
}
