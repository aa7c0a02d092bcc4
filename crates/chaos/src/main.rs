//! `autorisen-chaos`: runs series of faults and prints their table. It ends with 1 when a promise was
//! broken; then the seed and the journals are told.

use std::io::Write as _;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::process::ExitCode;

use chaos::faults::{ALL, Fault, ROUNDS};
use chaos::judge::Findings;
use chaos::series::{Series, Tally, engine_name};
use chaos::table::{Line, jsonl, table};
use clap::{Parser, ValueEnum};
use futures::FutureExt as _;
use futures::future::join_all;
use testkit::TestEngine;
use tokio::time::Instant;

/// Rounds of each fault under `--quick`, and of those that want the machine for themselves and take long:
/// enough to see that this program itself still works.
const QUICK_ROUNDS: u32 = 3;
const QUICK_ROUNDS_ALONE: u32 = 1;
/// More series at once wait for the machine instead of for the fault.
const LANES_MAX: i64 = 16;

/// Faults made on purpose, and what holds all the same.
#[derive(Parser)]
struct Asked {
    /// Which faults; all of them when none is named.
    faults: Vec<String>,
    /// Rounds of each; a hundred without it.
    #[arg(long)]
    rounds: Option<u32>,
    /// Three rounds of each, one of those that take long and judge how long others wait.
    #[arg(long, conflicts_with = "rounds")]
    quick: bool,
    #[arg(long, value_enum, default_value = "both")]
    engine: Engines,
    /// The same seed draws the same moments.
    #[arg(long)]
    seed: Option<u64>,
    /// The rounds of a fault are shared out among so many series at once, each with a server and a database of
    /// its own. Faults that judge how long others wait have the machine for themselves.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=LANES_MAX))]
    lanes: u32,
    /// The program under test, such as an optimized one; without it the one beside this one.
    #[arg(long)]
    program: Option<PathBuf>,
    /// An older build of it, which `releases` runs beside it.
    #[arg(long)]
    older: Option<PathBuf>,
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
    let found = |path: &PathBuf| path.canonicalize().map_err(|why| anyhow::anyhow!("{}: {why}", path.display()));
    if let Some(program) = &asked.program {
        chaos::place::name_the_program(found(program)?);
    }
    let asked = Asked { older: asked.older.as_ref().map(found).transpose()?, ..asked };
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
            let rounds = match (asked.quick, fault.alone) {
                (true, true) => QUICK_ROUNDS_ALONE,
                (true, false) => QUICK_ROUNDS,
                (false, _) => asked.rounds.unwrap_or(ROUNDS),
            };
            tell(&format!("{} on {}, {rounds} rounds", fault.name, engine_name(engine)));
            let tally = all_lanes(asked, fault, engine, rounds, seed).await;
            tally.breaches.iter().for_each(|breach| tell(&format!("  breach: {breach}")));
            tell(&format!("  {} s", tally.took.as_secs()));
            lines.push(Line { fault: fault.name, engine: engine_name(engine), tally });
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

/// A fault on an engine: its rounds, shared out among series at once.
async fn all_lanes(asked: &Asked, fault: &Fault, engine: TestEngine, rounds: u32, seed: u64) -> Tally {
    let lanes = if fault.alone { 1 } else { asked.lanes.min(rounds).max(1) };
    let shares = (0..lanes).map(|lane| (rounds / lanes + u32::from(lane < rounds % lanes), seed.wrapping_add(u64::from(lane))));
    let series = shares.map(|(rounds, seed)| one_lane(asked, fault, engine, rounds, seed));
    join_all(series).await.into_iter().fold(Tally::default(), Tally::and)
}

async fn one_lane(asked: &Asked, fault: &Fault, engine: TestEngine, rounds: u32, seed: u64) -> Tally {
    let mut series = Series::new(fault.name, engine, rounds, seed, asked.folder.clone());
    series.older.clone_from(&asked.older);
    let began = Instant::now();
    let ended = AssertUnwindSafe((fault.run)(&mut series)).catch_unwind().await;
    if ended.is_err() {
        // What was said on stderr tells where; the other series go on.
        series.found("see above", &Findings::broken(format!("the series of seed {seed} could not go on")));
    }
    series.tally.took = began.elapsed();
    series.tally
}

/// Prints data. A reader that went away is no fault.
fn say(text: &str) {
    let _ = write!(std::io::stdout().lock(), "{text}");
}

/// Talks to the person at the terminal.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
