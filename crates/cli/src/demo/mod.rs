//! `autorisen demo`: the product with made-up data to look at, or its main job step by step.

mod cast;
mod dice;
mod fate;
mod greeting;
mod history;
mod people;

use std::path::PathBuf;

use autorisen::Ended;
use autorisen::command::{stop_signal, until_stopped};
use autorisen::host::Sources;
use autorisen::identity::accounts;
use autorisen::kernel::Clock;
use chrono::Duration;
use tempfile::TempDir;

use crate::server::Server;
use crate::stage::Stage;
use crate::story;
use crate::terminal::tell;

/// Where a demo listens unless it is told, as the product itself does.
const PORT: u16 = 8000;

/// By which a folder that was left behind is known.
pub const FOLDER_PREFIX: &str = "autorisen-demo-";

/// See the product at work.
#[derive(Debug, clap::Args)]
pub struct Demo {
    /// Play the main job once, from signing up to the money that came back, check every step, and stop.
    #[arg(long)]
    story: bool,
    /// With --story: print one JSON object per step.
    #[arg(long, requires = "story")]
    json: bool,
    /// The port to listen on.
    #[arg(long, env = "PORT", hide_env_values = true, default_value_t = PORT)]
    port: u16,
    /// Keep the data in this folder; a temporary one is removed in the end.
    #[arg(long, value_name = "FOLDER", conflicts_with = "story")]
    data_dir: Option<PathBuf>,
    /// Don't open a browser.
    #[arg(long)]
    no_open: bool,
    /// Makes the same payments again for the same number.
    #[arg(long, default_value_t = 1, conflicts_with = "story")]
    seed: u64,
}

/// Runs the demo to its end.
pub async fn run(asked: Demo) -> Result<(), Ended> {
    if asked.story { story::play(asked.json).await } else { serve(asked).await }
}

/// Where the demo's files are: a folder of the person, or one that goes with the demo.
enum Folder {
    Kept(PathBuf),
    Temporary(TempDir),
}

impl Folder {
    fn of(asked: Option<PathBuf>) -> Result<Self, Ended> {
        let failed =
            |error: std::io::Error| Ended::failed(format!("there is no folder for the demo: {error}")).hint("choose one with --data-dir");
        match asked {
            Some(folder) => Ok(Self::Kept(std::path::absolute(folder).map_err(failed)?)),
            None => Ok(Self::Temporary(tempfile::Builder::new().prefix(FOLDER_PREFIX).tempdir().map_err(failed)?)),
        }
    }

    fn path(&self) -> &std::path::Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }

    fn remove(self) -> Result<(), Ended> {
        match self {
            Self::Kept(_) => Ok(()),
            Self::Temporary(folder) => {
                folder.close().map_err(|error| Ended::failed(format!("the temporary folder is left behind: {error}")))
            }
        }
    }
}

async fn serve(asked: Demo) -> Result<(), Ended> {
    let process = Sources::of_process();
    let folder = Folder::of(asked.data_dir)?;
    // The clock is only ever moved forwards, so it begins where the history does.
    let clock = Clock::system();
    clock.set_offset(-Duration::days(i64::try_from(history::DAYS).unwrap_or_default()));
    let server = Server::start(&process, folder.path(), asked.port, clock.clone()).await?;
    let greeting = tokio::select! {
        // Heard before the first word is said: whoever reads it may stop us at once.
        biased;
        () = stop_signal() => Err(Ended::failed("interrupted while the demo was made")),
        made = fill(&server, asked.seed) => made,
    };
    let greeting = match greeting {
        Ok(greeting) => greeting,
        Err(ended) => {
            server.stop().await;
            folder.remove()?;
            return Err(ended);
        }
    };
    greeting.print(&process);
    if !asked.no_open {
        greeting::open_browser(&process, &server.base);
    }
    let end = until_stopped(server.into_running()).await;
    folder.remove()?;
    end
}

/// Makes the history, unless there is one from an earlier run.
async fn fill(server: &Server, seed: u64) -> Result<greeting::Greeting, Ended> {
    let core = server.core();
    let failed =
        |error: anyhow::Error| Ended::failed(format!("the demo could not be made: {error:#}")).hint("LOG_LEVEL=info shows what happened");
    let stage = Stage::new(&server.base).map_err(failed)?;
    let known: Vec<String> = accounts::list(core).await?.into_iter().map(|account| account.email).collect();
    if !known.is_empty() {
        tell("The database has accounts already; nothing is added to it.");
        history::catch_up(&stage, core).await.map_err(failed)?;
        return Ok(greeting::Greeting::plain(&server.base, &known));
    }
    tell("Two months of payments are being made; this takes some seconds.");
    let made = history::make(&stage, core, seed).await.map_err(failed)?;
    greeting::Greeting::of(&server.base, made).await.map_err(failed)
}
