//! The killer: ends the process at moments that are drawn from a seed, and starts it again.

use std::time::Duration;

use chaos::Dice;
use testkit::Value;
use tokio::time::sleep;

use crate::{Place, Server};

/// Requests between two kills, at most.
const GAP_MAX: u64 = 12;
/// Kills in all: what bounds the time of the test.
const KILLS_MAX: u32 = 60;
/// How long after the beginning of a request the process dies, in milliseconds: at once, while it is
/// answered, after it, and while what it started is worked off.
const MOMENTS_MS: [u64; 4] = [3, 25, 120, 500];
/// How long a start takes, and a little more, in milliseconds.
const START_MS: u64 = 250;
/// Lines that a process may not log, however often it is killed.
const NEVER_LOGGED: [&str; 3] = ["flows.run_dead", "host.panicked", "host.task_panicked"];

/// A process that is killed from time to time.
pub(super) struct Killer {
    place: Place,
    server: Server,
    dice: Dice,
    until_next: u64,
    pub kills: u32,
    /// What the killed processes had logged.
    log: Vec<Value>,
}

impl Killer {
    /// Starts the process; already the first starts, which make the schema, are cut off.
    pub async fn begin(place: Place, seed: u64) -> Self {
        let server = place.serving(&[]);
        let mut killer = Self { place, server, dice: Dice::new(seed), until_next: 1, kills: 0, log: vec![] };
        for _ in 0..3 {
            killer.kill_after(START_MS).await;
        }
        killer.server.listens().await;
        killer
    }

    pub fn base(&self) -> &str {
        &self.server.base
    }

    /// Runs a request, and perhaps kills the process while it runs or soon after. Afterwards the
    /// process is there again.
    pub async fn during<T>(&mut self, request: impl Future<Output = T>) -> T {
        self.until_next = self.until_next.saturating_sub(1);
        if self.until_next > 0 || self.kills >= KILLS_MAX {
            return request.await;
        }
        self.until_next = 1 + self.dice.below(GAP_MAX);
        let moment = MOMENTS_MS[usize::try_from(self.dice.below(4)).expect("below four")];
        let (answer, ()) = tokio::join!(request, self.kill_after(moment));
        while self.dice.below(4) == 0 {
            self.kill_after(START_MS).await;
        }
        self.server.listens().await;
        answer
    }

    /// Kills at most so many milliseconds from now, and starts the next process.
    async fn kill_after(&mut self, ms: u64) {
        sleep(Duration::from_micros(self.dice.below(ms * 1000))).await;
        self.server.kill().await;
        self.kills += 1;
        self.log.extend(self.server.log());
        self.server = self.place.serving(&[]);
    }

    /// The last process ends as it should, and none said that something broke for good.
    pub async fn ended_well(mut self) {
        self.log.extend(self.server.stop().await);
        let is_bad = |line: &&Value| line["level"] == "error" || NEVER_LOGGED.iter().any(|event| line["event"] == *event);
        let bad: Vec<_> = self.log.iter().filter(is_bad).collect();
        assert!(bad.is_empty(), "{bad:#?}");
    }
}
