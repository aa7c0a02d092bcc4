//! The database crashes every few moments and comes back.

use std::time::Duration;

use reqwest::Method;
use tokio::time::{Instant, sleep};

use crate::judge::Findings;
use crate::load::Load;
use crate::series::Series;
use crate::somebody::{send, until};
use crate::world::World;

const CLIENTS: usize = 6;
/// Rounds on one database.
const WORLD_ROUNDS: u32 = 20;
/// It crashes at most this long after the load began, in milliseconds.
const CRASH_MAX_MS: u64 = 600;
/// It stays away at most this long, in milliseconds.
const AWAY_MAX_MS: u64 = 800;
/// The whole service is back this long after the database.
const HEALED_MAX: Duration = Duration::from_secs(5);
/// A caller is refused within this time while the database is away.
const REFUSED_MAX: Duration = Duration::from_secs(2);

pub async fn run(series: &mut Series) {
    let mut left = series.rounds;
    while left > 0 {
        let mut world = series.world().await;
        for _ in 0..left.min(WORLD_ROUNDS) {
            let found = round(series, &mut world).await;
            series.round(&world, &found);
        }
        left = left.saturating_sub(WORLD_ROUNDS);
        series.close(world).await;
    }
}

async fn round(series: &mut Series, world: &mut World) -> Findings {
    let base = world.server.base.clone();
    let load = Load::begin(world, &[base], CLIENTS);
    sleep(Duration::from_micros(series.dice.below(CRASH_MAX_MS * 1000))).await;
    world.journal.note("the database crashes");
    order(world, "crash").await;
    let refused = is_refused(world).await;
    sleep(Duration::from_millis(series.dice.below(AWAY_MAX_MS))).await;
    order(world, "start").await;
    let began = Instant::now();
    world.journal.note("the database is back");
    let healed = until(HEALED_MAX, async || works(world).await.then_some(())).await;
    let slow = series.within(began.elapsed(), HEALED_MAX, "healed");
    load.end().await;
    if healed.is_none() || !world.server.runs() {
        world.journal.wrong("the service did not come back".to_owned());
    }
    world.judge().await.and(slow).and(refused)
}

async fn order(world: &mut World, what: &str) {
    world.database.as_mut().expect("this fault is for Postgres").order(what).await;
}

/// Whether the database answers behind both doors.
async fn works(world: &World) -> bool {
    let read = send(world.cast.clerk.request(Method::GET, "/v1/customers?limit=1")).await.is_ok_and(|answer| answer.status == 200);
    read && send(world.cast.nobody.request(Method::GET, "/readyz")).await.is_ok_and(|answer| answer.status == 200)
}

/// Nobody is let in, nobody waits, and the process says that it is alive.
async fn is_refused(world: &World) -> Findings {
    let mut found = Findings::default();
    let (clerk, nobody) = (&world.cast.clerk, &world.cast.nobody);
    for (who, path, status) in [(clerk, "/v1/customers?limit=1", 503), (nobody, "/readyz", 503), (nobody, "/livez", 200)] {
        let began = Instant::now();
        match send(who.request(Method::GET, path)).await {
            Ok(answer) if answer.status == status => {}
            Ok(answer) => found.broken.push(format!("{path} was answered with {} while the database was away", answer.status)),
            Err(_) => found.broken.push(format!("{path} was not answered while the database was away")),
        }
        if began.elapsed() > REFUSED_MAX {
            found.broken.push(format!("{path} took {:?} while the database was away", began.elapsed()));
        }
    }
    found
}
