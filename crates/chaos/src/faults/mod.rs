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
mod releases;
mod revoke;
mod rotate;
mod slow;
mod stop;
mod webhooks;

use std::pin::Pin;

use testkit::TestEngine;

use crate::series::Series;

const BOTH: &[TestEngine] = &[TestEngine::Sqlite, TestEngine::Postgres];
const POSTGRES: &[TestEngine] = &[TestEngine::Postgres];

/// So many rounds make a series that says something.
pub const ROUNDS: u32 = 100;

/// Whether others may run beside it.
const ALONE: bool = true;
const BESIDE: bool = false;

/// A series under way.
type Running<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// One kind of fault.
pub struct Fault {
    pub name: &'static str,
    /// What is done and what is promised, in a sentence.
    pub about: &'static str,
    /// Where it can be made.
    pub engines: &'static [TestEngine],
    /// It judges how long others wait, and wants the machine for itself.
    pub alone: bool,
    pub run: for<'a> fn(&'a mut Series) -> Running<'a>,
}

macro_rules! fault {
    ($name:literal, $module:ident, $engines:ident, $alone:ident, $about:literal) => {
        Fault { name: $name, about: $about, engines: $engines, alone: $alone, run: |series| Box::pin($module::run(series)) }
    };
}

/// All of them, in the order of the table.
pub const ALL: &[Fault] = &[
    fault!("kill", kill, BOTH, BESIDE, "kill -9 at random under load: nothing acknowledged is lost, nothing is doubled, ready within 3 s"),
    fault!("points", points, BOTH, BESIDE, "kill -9 at named points: around a commit, after an effect, in a rotation, in a migration"),
    fault!(
        "database",
        database,
        POSTGRES,
        BESIDE,
        "the database crashes and comes back: 503 within 2 s, healed within 5 s, no half transaction"
    ),
    fault!("stop", stop, BOTH, BESIDE, "SIGTERM under load: who was let in is answered, leases are handed back, a second signal forces"),
    fault!("races", races, POSTGRES, BESIDE, "two replicas race for tokens, keys, ticks and runs: exactly one wins"),
    fault!("revoke", revoke, POSTGRES, BESIDE, "a revocation on one replica holds on the other within 5 s"),
    fault!("pause", pause, POSTGRES, BESIDE, "a replica is paused for longer than its leases: its late writes are fenced off"),
    fault!("webhooks", webhooks, BOTH, BESIDE, "a provider's events doubled, shuffled and concurrent: the same final state"),
    fault!("clock", clock, BOTH, BESIDE, "the clock jumps (+2 h, -1 d, +30 d): nothing outlives its limit, no schedule runs twice"),
    fault!("poison", poison, POSTGRES, BESIDE, "work that can never succeed is set aside with a reason, others are unharmed"),
    fault!("expand", expand, POSTGRES, BESIDE, "a newer version expands the schema under this one: no request fails"),
    fault!(
        "rotate",
        rotate,
        POSTGRES,
        BESIDE,
        "the master key and a webhook's secret are replaced while two replicas serve: no failure, the old ones end"
    ),
    fault!(
        "releases",
        releases,
        POSTGRES,
        BESIDE,
        "an older build (--older) and this one serve side by side through the migration between them"
    ),
    fault!("disk", disk, BOTH, BESIDE, "the disk is full: writes are refused, reads go on, no restart is needed"),
    fault!("slow", slow, BOTH, ALONE, "clients that drip headers, bodies and reads: others keep their latency"),
    fault!("crowd", crowd, BOTH, ALONE, "10,000 connections at once: others are served, memory stays under 512 MB"),
    fault!("memory", memory, BOTH, ALONE, "200 sign-ins at once under 512 MB: the process lives and others are served"),
];
