//! `kill -9` at random under load.

use std::time::Duration;

use tokio::time::sleep;

use crate::load::Load;
use crate::series::Series;

/// Clients at the same time.
const CLIENTS: usize = 6;
/// Rounds on one database: its rows are read again by every judgement.
const WORLD_ROUNDS: u32 = 20;
/// The process dies at most this long after the load began, in milliseconds.
const KILL_MAX_MS: u64 = 700;
/// The load goes on at most this long after the process is back, in milliseconds.
const AFTER_MAX_MS: u64 = 250;
/// One death in so many is followed by another one while the process starts.
const AGAIN_ONE_IN: u64 = 4;
/// How long a start takes, and a little more, in milliseconds.
const START_MS: u64 = 300;

pub async fn run(series: &mut Series) {
    let mut left = series.rounds;
    while left > 0 {
        let mut world = series.world().await;
        for _ in 0..left.min(WORLD_ROUNDS) {
            let base = world.server.base.clone();
            let load = Load::begin(&mut world, &[base], CLIENTS);
            sleep(Duration::from_micros(series.dice.below(KILL_MAX_MS * 1000))).await;
            world.journal.note("kill");
            world.server.kill().await;
            while series.dice.below(AGAIN_ONE_IN) == 0 {
                world.server = world.place.serving(&[]);
                sleep(Duration::from_micros(series.dice.below(START_MS * 1000))).await;
                world.journal.note("kill");
                world.server.kill().await;
            }
            let took = world.restart().await;
            let slow = series.ready_in(took);
            sleep(Duration::from_millis(series.dice.below(AFTER_MAX_MS))).await;
            load.end().await;
            let found = world.judge().await.and(slow);
            series.round(&world, &found);
        }
        left = left.saturating_sub(WORLD_ROUNDS);
        series.close(world).await;
    }
}
