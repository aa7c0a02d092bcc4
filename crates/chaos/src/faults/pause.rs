//! A replica that is paused for longer than its leases: another one takes its work over, and what the
//! paused one writes when it wakes is fenced off.

use std::time::Duration;

use tokio::time::sleep;

use crate::judge::Findings;
use crate::load::Load;
use crate::series::{Series, never_logged};

const CLIENTS: usize = 6;
const WORLD_ROUNDS: u32 = 20;
/// Much shorter than the pause.
const SETTINGS: &str = "flows:\n  lease_s: 1\n  poll_max_ms: 50\n";
/// When it is paused, in milliseconds after the load began, at most.
const PAUSE_AFTER_MAX_MS: u64 = 300;
/// How long, in milliseconds: more than a lease.
const PAUSE_MIN_MS: u64 = 1300;
const PAUSE_SPREAD_MS: u64 = 900;

pub async fn run(series: &mut Series) {
    let mut left = series.rounds;
    while left > 0 {
        let mut world = series.world_with(SETTINGS).await;
        let place = world.beside(SETTINGS);
        let mut other = place.serve().await;
        for _ in 0..left.min(WORLD_ROUNDS) {
            // Everybody talks to the one that stays awake; the other one only works.
            let base = world.server.base.clone();
            let load = Load::begin(&mut world, &[base], CLIENTS);
            sleep(Duration::from_micros(series.dice.below(PAUSE_AFTER_MAX_MS * 1000))).await;
            world.journal.note("SIGSTOP");
            other.signal("STOP").await;
            sleep(Duration::from_millis(PAUSE_MIN_MS + series.dice.below(PAUSE_SPREAD_MS))).await;
            load.end().await;
            world.journal.note("SIGCONT");
            other.signal("CONT").await;
            sleep(Duration::from_millis(200)).await;
            let found = world.judge().await;
            series.round(&world, &found);
        }
        left = left.saturating_sub(WORLD_ROUNDS);
        let log = other.stop().await;
        let errors = never_logged(&log);
        series.found("the paused replica's log", &Findings { broken: errors, ..Findings::default() });
        series.close(world).await;
    }
}
