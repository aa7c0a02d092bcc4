//! `migrate up | down | status`.

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
}

impl Migrate {
    const fn shared(&self) -> &Shared {
        match self {
            Self::Up(shared) | Self::Down { shared, .. } | Self::Status { shared, .. } => shared,
        }
    }
}

pub(super) async fn run(app: App, asked: Migrate) -> Result<(), Ended> {
    let prepared = app.prepare(asked.shared().sources())?;
    log_to(&prepared, Stream::Stderr);
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
        Migrate::Status { json, .. } => {
            let status = plan.status(&core.store).await?;
            if json {
                let rows: Vec<_> = status.iter().map(|(name, applied)| serde_json::json!({"name": name, "applied": applied})).collect();
                say(&serde_json::Value::from(rows).to_string());
            } else {
                for (name, applied) in &status {
                    say(&format!("{} {name}", if *applied { "applied" } else { "pending" }));
                }
            }
            let pending = status.iter().filter(|(_, applied)| !applied).count();
            if pending > 0 {
                return Err(Ended::failed(format!("{pending} steps are pending")).hint("autorisen migrate up"));
            }
        }
    }
    core.store.close().await;
    Ok(())
}
