//! `flows dead list | replay`: durable work that gave up, and giving it another chance.

use flows::{DeadLetter, Engine};
use host::telemetry::Stream;
use kernel::RunId;

use super::{Shared, log_to, say, tell};
use crate::App;
use crate::start::{Ended, migrate};

/// Look after durable work.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Flows {
    /// Work that gave up after all its attempts.
    #[command(subcommand)]
    Dead(Dead),
}

/// Work that gave up.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Dead {
    /// List what gave up, newest first, with the reason.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        shared: Shared,
    },
    /// Open runs again; a server or a worker takes them up. Do this after the cause is mended.
    #[command(group(clap::ArgGroup::new("which").required(true).args(["runs", "all"])))]
    Replay {
        /// The runs, as `flows dead list` shows them.
        runs: Vec<RunId>,
        /// Every run that the list shows.
        #[arg(long)]
        all: bool,
        /// Print the ids of what was opened as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        shared: Shared,
    },
}

impl Dead {
    const fn shared(&self) -> &Shared {
        match self {
            Self::List { shared, .. } | Self::Replay { shared, .. } => shared,
        }
    }
}

pub(super) async fn run(app: App, Flows::Dead(asked): Flows) -> Result<(), Ended> {
    let prepared = app.prepare(asked.shared().sources())?;
    log_to(&prepared, Stream::Stderr);
    let core = prepared.open().await?;
    if prepared.environment().is_dev() {
        migrate(&prepared, &core).await?;
        crate::dev::restore_clock(&core).await?;
    }
    let engine = core.parts.get::<Engine>();
    match asked {
        Dead::List { json, .. } => list(&engine.dead_letters(&core).await?, json)?,
        Dead::Replay { runs, all, json, .. } => {
            let runs = if all { engine.dead_letters(&core).await?.into_iter().map(|letter| letter.id).collect() } else { runs };
            let mut opened = Vec::with_capacity(runs.len());
            for run in runs {
                if !engine.replay(&core, run).await? {
                    return Err(Ended::failed(format!("there is no dead run {run}")).hint("autorisen flows dead list"));
                }
                opened.push(run);
            }
            if json {
                say(&serde_json::to_string(&opened).map_err(|error| Ended::failed(error.to_string()))?);
            } else {
                tell(&format!("{} opened again", opened.len()));
            }
        }
    }
    core.store.close().await;
    Ok(())
}

fn list(letters: &[DeadLetter], json: bool) -> Result<(), Ended> {
    if json {
        say(&serde_json::to_string(letters).map_err(|error| Ended::failed(error.to_string()))?);
        return Ok(());
    }
    for letter in letters {
        say(&format!(
            "{}  {}  {}  {}  {}",
            letter.id,
            letter.died_at.format("%Y-%m-%d %H:%M:%S"),
            letter.workflow,
            letter.dedupe_key,
            letter.reason
        ));
    }
    if letters.is_empty() {
        tell("nothing gave up");
    }
    Ok(())
}
