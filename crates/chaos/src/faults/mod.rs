//! The faults: each is a file that says how it is made and what must hold all the same.

mod clock;
mod crowd;
mod database;
mod disk;
mod expand;
mod kill;
mod memory;
mod pause;
mod points;
mod poison;
mod races;
mod revoke;
mod slow;
mod stop;
mod webhooks;

use std::pin::Pin;

use testkit::TestEngine;

use crate::series::Series;

const BOTH: &[TestEngine] = &[TestEngine::Sqlite, TestEngine::Postgres];
const POSTGRES: &[TestEngine] = &[TestEngine::Postgres];

/// A series under way.
type Running<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// One kind of fault.
pub struct Fault {
    pub name: &'static str,
    /// What is done and what is promised, in a sentence.
    pub about: &'static str,
    /// Where it can be made.
    pub engines: &'static [TestEngine],
    /// How many rounds make a series that says something.
    pub rounds: u32,
    pub run: for<'a> fn(&'a mut Series) -> Running<'a>,
}

macro_rules! fault {
    ($name:literal, $module:ident, $engines:ident, $rounds:literal, $about:literal) => {
        Fault { name: $name, about: $about, engines: $engines, rounds: $rounds, run: |series| Box::pin($module::run(series)) }
    };
}

/// All of them, in the order of the table.
pub const ALL: &[Fault] = &[
    fault!("kill", kill, BOTH, 100, "kill -9 at random under load: nothing acknowledged is lost, nothing is doubled, ready within 3 s"),
    fault!("points", points, BOTH, 100, "kill -9 at named points: around a commit, after an effect, in a rotation, in a migration"),
    fault!(
        "database",
        database,
        POSTGRES,
        100,
        "the database crashes and comes back: 503 within 2 s, healed within 5 s, no half transaction"
    ),
    fault!("stop", stop, BOTH, 100, "SIGTERM under load: who was let in is answered, leases are handed back, a second signal forces"),
    fault!("races", races, POSTGRES, 100, "two replicas race for tokens, keys, ticks and runs: exactly one wins"),
    fault!("revoke", revoke, POSTGRES, 100, "a revocation on one replica holds on the other within 5 s"),
    fault!("pause", pause, POSTGRES, 100, "a replica is paused for longer than its leases: its late writes are fenced off"),
    fault!("webhooks", webhooks, BOTH, 100, "a provider's events doubled, shuffled and concurrent: the same final state"),
    fault!("clock", clock, BOTH, 100, "the clock jumps (+2 h, -1 d, +30 d): nothing outlives its limit, no schedule runs twice"),
    fault!("poison", poison, POSTGRES, 100, "work that can never succeed is set aside with a reason, others are unharmed"),
    fault!("expand", expand, POSTGRES, 100, "a newer version expands the schema under this one: no request fails"),
    fault!("disk", disk, BOTH, 100, "the disk is full: writes are refused, reads go on, no restart is needed"),
    fault!("slow", slow, BOTH, 20, "clients that drip headers, bodies and reads: others keep their latency"),
    fault!("crowd", crowd, BOTH, 10, "10,000 connections at once: others are served, memory stays under 512 MB"),
    fault!("memory", memory, BOTH, 20, "200 sign-ins at once under 512 MB: the process lives and others are served"),
];
