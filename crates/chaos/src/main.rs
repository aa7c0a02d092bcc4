//! `autorisen-chaos`: runs series of faults and prints their table. It ends with 1 when a promise was
//! broken; then the seed and the journals are told.

use std::io::Write as _;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::process::ExitCode;

use chaos::faults::{ALL, Fault};
use chaos::judge::Findings;
use chaos::series::{Series, engine_name};
use chaos::table::{Line, jsonl, table};
use clap::{Parser, ValueEnum};
use futures::FutureExt as _;
use testkit::TestEngine;
use tokio::time::Instant;

/// Rounds of each fault under `--quick`, and of those that take long: enough to see that this program
/// itself still works.
const QUICK_ROUNDS: u32 = 3;
const QUICK_ROUNDS_LONG: u32 = 1;
/// A fault that needs fewer rounds than this takes long for each of them.
const LONG_BELOW: u32 = 100;

/// Faults made on purpose, and what holds all the same.
#[derive(Parser)]
struct Asked {
    /// Which faults; all of them when none is named.
    faults: Vec<String>,
    /// Rounds of each; without it as many as each needs to say something.
    #[arg(long)]
    rounds: Option<u32>,
    /// Three rounds of each, one of those that take long.
    #[arg(long, conflicts_with = "rounds")]
    quick: bool,
    #[arg(long, value_enum, default_value = "both")]
    engine: Engines,
    /// The same seed draws the same moments.
    #[arg(long)]
    seed: Option<u64>,
    /// Where the journals and the table are kept.
    #[arg(long, default_value = "target/chaos")]
    folder: PathBuf,
    /// Say what there is, and end.
    #[arg(long)]
    list: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engines {
    Sqlite,
    Postgres,
    Both,
}

impl Engines {
    fn has(self, engine: TestEngine) -> bool {
        match self {
            Self::Both => true,
            Self::Sqlite => engine == TestEngine::Sqlite,
            Self::Postgres => engine == TestEngine::Postgres,
        }
    }
}

fn main() -> anyhow::Result<ExitCode> {
    let asked = Asked::parse();
    if asked.list {
        for fault in ALL {
            say(&format!("{:<12} {}\n", fault.name, fault.about));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let faults = wanted(&asked.faults)?;
    std::fs::create_dir_all(&asked.folder)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(run(&asked, &faults)))
}

fn wanted(names: &[String]) -> anyhow::Result<Vec<&'static Fault>> {
    if names.is_empty() {
        return Ok(ALL.iter().collect());
    }
    let find = |name: &String| ALL.iter().find(|fault| fault.name == *name);
    names.iter().map(|name| find(name).ok_or_else(|| anyhow::anyhow!("there is no fault `{name}`; --list shows them"))).collect()
}

async fn run(asked: &Asked, faults: &[&'static Fault]) -> ExitCode {
    let seed = asked.seed.unwrap_or_else(|| kernel::chance::below(1_000_000_000));
    tell(&format!("seed {seed}, program {}", chaos::place::the_program().display()));
    let mut lines = Vec::new();
    for fault in faults {
        for engine in fault.engines.iter().copied().filter(|engine| asked.engine.has(*engine) && testkit::available(*engine)) {
            let rounds = match (asked.quick, fault.rounds < LONG_BELOW) {
                (true, true) => QUICK_ROUNDS_LONG,
                (true, false) => QUICK_ROUNDS,
                (false, _) => asked.rounds.unwrap_or(fault.rounds),
            };
            let mut series = Series::new(fault.name, engine, rounds, seed, asked.folder.clone());
            let began = Instant::now();
            tell(&format!("{} on {}, {rounds} rounds", fault.name, engine_name(engine)));
            let ended = AssertUnwindSafe((fault.run)(&mut series)).catch_unwind().await;
            if ended.is_err() {
                // What was said on stderr tells where; the other series go on.
                series.found("see above", &Findings::broken("the series could not go on"));
            }
            series.tally.took = began.elapsed();
            series.tally.breaches.iter().for_each(|breach| tell(&format!("  breach: {breach}")));
            tell(&format!("  {} s", series.tally.took.as_secs()));
            lines.push(Line { fault: fault.name, engine: engine_name(engine), tally: series.tally });
        }
    }
    say(&table(&lines));
    std::fs::write(asked.folder.join("table.md"), table(&lines)).expect("the folder can be written");
    std::fs::write(asked.folder.join("table.jsonl"), jsonl(&lines)).expect("the folder can be written");
    if lines.iter().all(|line| line.tally.is_clean()) {
        return ExitCode::SUCCESS;
    }
    tell(&format!("promises were broken; --seed {seed} draws the same moments, and the journals are in {}", asked.folder.display()));
    ExitCode::FAILURE
}

/// Prints data. A reader that went away is no fault.
fn say(text: &str) {
    let _ = write!(std::io::stdout().lock(), "{text}");
}

/// Talks to the person at the terminal.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
