//! The benchmark: a plain program that starts the product as a process, drives it over loopback, and
//! writes what it found into docs/performance.md.
//!
//! Server CPU per request is the first figure, because the client shares the machine and CPU is what
//! stays the same when the machine is busy. Beside the product stands a bare server ([`bare`]) that
//! answers the same from the same database with nothing around it: the difference is what the product
//! costs. Nothing here is a test; budgets are watched, not asserted.

mod bare;
mod database;
mod figures;
mod load;
mod machine;
mod process;
mod product;
mod report;
mod rows;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

use crate::rows::{Name, Plan};

/// The product's, so that the bare server has no worse one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the product and a bare server beside it.
#[derive(Debug, Parser)]
#[command(name = "autorisen-bench")]
struct Asked {
    #[command(subcommand)]
    part: Option<Part>,
    /// The program to measure; the one beside this one unless given.
    #[arg(long)]
    program: Option<PathBuf>,
    /// One short run of each row instead of the median of several; the report is printed, not written.
    #[arg(long)]
    quick: bool,
    /// How long each run of a row of requests lasts, in milliseconds; 700 in a quick run.
    #[arg(long, default_value_t = 2000)]
    window_ms: u64,
    /// Only these rows, separated by commas; the report is printed, not written.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Name>,
    /// Only this engine.
    #[arg(long)]
    engine: Option<database::Engine>,
    /// The page whose figures are replaced.
    #[arg(long, default_value = "docs/performance.md")]
    page: PathBuf,
    /// Keep the server of each row alive for this many seconds after its figures, for a profiler.
    #[arg(long, default_value_t = 0)]
    linger_s: u64,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Be the server that the product is compared with.
    #[command(hide = true)]
    Bare(bare::Settings),
}

impl Asked {
    fn plan(&self) -> Result<Plan> {
        let beside = || anyhow::Ok(std::env::current_exe()?.with_file_name("autorisen"));
        let program = self.program.clone().map_or_else(beside, Ok)?;
        anyhow::ensure!(program.exists(), "{} is not there; build it with `cargo build --release -p autorisen-cli`", program.display());
        let (runs, window) = if self.quick { (1, Duration::from_millis(700)) } else { (3, Duration::from_millis(self.window_ms)) };
        let engines = self.engine.map_or_else(|| database::Engine::ALL.to_vec(), |engine| vec![engine]);
        let names = if self.only.is_empty() { Name::ALL.to_vec() } else { self.only.clone() };
        Ok(Plan { program, runs, window, engines, names, quick: self.quick, linger: Duration::from_secs(self.linger_s) })
    }

    /// A short or partial report must not take the place of a whole one.
    fn writes(&self) -> bool {
        !self.quick && self.only.is_empty() && self.engine.is_none()
    }
}

#[expect(clippy::print_stderr, reason = "the command line talks on stderr")]
fn main() -> ExitCode {
    match run(Asked::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(asked: Asked) -> Result<()> {
    if let Some(Part::Bare(settings)) = asked.part {
        // The threads of the comparison are those of the product: one for each core.
        return tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(bare::serve(settings));
    }
    // One thread for the client, so that it takes as little from the server as a client can.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let plan = asked.plan()?;
    let figures = runtime.block_on(rows::measure(&plan))?;
    let text = report::text(&figures);
    if asked.writes() {
        report::put(&asked.page, &text).with_context(|| format!("{} can't be written", asked.page.display()))?;
    }
    report::print(&text);
    Ok(())
}
