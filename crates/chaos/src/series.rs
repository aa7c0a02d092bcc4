//! A series: one fault, on one engine, again and again, and what came of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use testkit::{TestEngine, Value};
use tokio::time::Instant;

use crate::judge::Findings;
use crate::world::World;
use crate::{Dice, world};

/// Breaches that are told; the journal has them all.
const BREACHES_MAX: usize = 20;

/// One fault on one engine.
pub struct Series {
    pub fault: &'static str,
    pub engine: TestEngine,
    pub rounds: u32,
    pub seed: u64,
    pub dice: Dice,
    /// Where journals are kept.
    pub folder: PathBuf,
    /// An older build of the program, where there is one.
    pub older: Option<PathBuf>,
    pub tally: Tally,
}

/// What came of a series.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    pub rounds: u32,
    pub acknowledged: u64,
    pub lost: u64,
    pub doubled: u64,
    pub broken: u64,
    /// What else was counted, by its name.
    pub counts: BTreeMap<&'static str, u64>,
    /// How long until it was ready again, or, where nothing was stopped, until it worked again.
    pub ready: Vec<Duration>,
    /// The first breaches in words, with the journal that has the evidence.
    pub breaches: Vec<String>,
    /// What a reader of the table should know.
    pub notes: Vec<String>,
    pub took: Duration,
}

impl Series {
    pub fn new(fault: &'static str, engine: TestEngine, rounds: u32, seed: u64, folder: PathBuf) -> Self {
        Self { fault, engine, rounds, seed, dice: Dice::new(seed), folder, older: None, tally: Tally::default() }
    }

    /// The name of the engine in tables and in names of files.
    pub fn engine_name(&self) -> &'static str {
        engine_name(self.engine)
    }

    /// A fresh company. Its journal is named after fault, engine, seed and round.
    pub async fn world(&mut self) -> World {
        let (name, seed) = self.next_name();
        World::begin(self.engine, &self.folder, &name, seed).await
    }

    /// As [`Series::world`], with settings of its own.
    pub async fn world_with(&mut self, settings: &str) -> World {
        let (name, seed) = self.next_name();
        World::with(self.engine, &self.folder, &name, seed, settings).await
    }

    /// The name of the next journal, and the seed of the next world.
    pub fn next_name(&mut self) -> (String, u64) {
        let seed = self.dice.below(u64::MAX);
        (format!("{}-{}-seed{}-round{}", self.fault, self.engine_name(), self.seed, self.tally.rounds), seed)
    }

    /// A round came to its end.
    pub fn round(&mut self, world: &World, found: &Findings) {
        self.tally.rounds += 1;
        if found.late > 0 {
            self.tally.count("webhooks that were kept and not applied yet when a round was over", found.late);
        }
        self.found(world.journal.path().display().to_string().as_str(), found);
    }

    /// Counts what was found, outside a round too.
    pub fn found(&mut self, evidence: &str, found: &Findings) {
        self.tally.lost += found.lost.len() as u64;
        self.tally.doubled += found.doubled.len() as u64;
        self.tally.broken += found.broken.len() as u64;
        let room = BREACHES_MAX.saturating_sub(self.tally.breaches.len());
        let told = found.examples().into_iter().take(room).map(|what| format!("round {}: {what} ({evidence})", self.tally.rounds));
        self.tally.breaches.extend(told);
    }

    /// Notes how long it took to be ready, which must not be longer than is promised.
    pub fn ready_in(&mut self, took: Duration) -> Findings {
        self.within(took, world::READY_MAX, "ready")
    }

    /// Notes how long something took, which must not be longer than `most`.
    pub fn within(&mut self, took: Duration, most: Duration, what: &str) -> Findings {
        self.tally.ready.push(took);
        if took > most { Findings::broken(format!("{what} after {} ms", took.as_millis())) } else { Findings::default() }
    }

    /// The end of a world: five weeks pass, everything is compared, and the process stops as it should.
    pub async fn close(&mut self, mut world: World) {
        let mut found = world.close().await;
        self.tally.acknowledged += found.acknowledged;
        let began = Instant::now();
        let log = world.server.stop().await;
        world.journal.note(&format!("stopped in {} ms", began.elapsed().as_millis()));
        found.broken.extend(never_logged(&log));
        self.found(&world.journal.path().display().to_string(), &found);
        if found.is_clean() && self.tally.breaches.is_empty() {
            // Nobody asks for the journal of a world in which nothing happened.
            std::fs::remove_file(world.journal.path()).ok();
        }
    }
}

/// Lines that no fault of these may cause. That a request was answered with 503 or 504 is an error in the
/// log, and while the database is away or full it is the truth.
pub fn never_logged(log: &[Value]) -> Vec<String> {
    // Work that was given up is never the truth about a moment: the moment passes, and it is to be tried again.
    let is_honest =
        |line: &Value| line["event"] != "flows.run_dead" && matches!(line["code"].as_str(), Some("dependency_unavailable" | "timed_out"));
    log.iter().filter(|line| line["level"] == "error" && !is_honest(line)).map(|line| format!("logged: {line}")).collect()
}

impl Tally {
    pub fn is_clean(&self) -> bool {
        self.lost + self.doubled + self.broken == 0
    }

    /// Adds to a number that the table shows.
    pub fn count(&mut self, what: &'static str, number: u64) {
        *self.counts.entry(what).or_default() += number;
    }

    /// What a reader of the table should know, in words.
    pub fn remarks(&self) -> Vec<String> {
        self.counts.iter().map(|(what, number)| format!("{number} {what}")).chain(self.notes.iter().cloned()).collect()
    }

    /// Two series together; what one takes is meant when both run at once.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.rounds += other.rounds;
        self.acknowledged += other.acknowledged;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.broken += other.broken;
        other.counts.into_iter().for_each(|(what, number)| self.count(what, number));
        self.ready.extend(other.ready);
        self.breaches.extend(other.breaches);
        self.breaches.truncate(BREACHES_MAX);
        let news = other.notes.into_iter().filter(|note| !self.notes.contains(note)).collect::<Vec<_>>();
        self.notes.extend(news);
        self.took = self.took.max(other.took);
        self
    }

    /// The slowest.
    pub fn slowest_ms(&self) -> Option<u128> {
        self.ready.iter().max().map(Duration::as_millis)
    }

    /// Half of them were as fast.
    pub fn median_ms(&self) -> Option<u128> {
        let mut sorted = self.ready.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).map(Duration::as_millis)
    }
}

pub fn engine_name(engine: TestEngine) -> &'static str {
    match engine {
        TestEngine::Sqlite => "sqlite",
        TestEngine::Postgres => "postgres",
    }
}
