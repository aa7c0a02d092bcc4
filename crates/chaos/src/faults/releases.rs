//! Two releases side by side through the migration between them: the older build serves, the newer one
//! migrates under load and serves beside it, and then one of the two goes; mostly the older one, and now
//! and then the newer one, as after a release that is taken back.

use std::path::Path;
use std::time::Duration;

use testkit::StoppablePostgres;
use tokio::time::sleep;

use crate::judge::Findings;
use crate::load::Load;
use crate::series::{Series, never_logged};
use crate::world::{KEY, World};
use crate::{Place, Server};

const CLIENTS: usize = 4;
const SETTINGS: &str = "flows:\n  lease_s: 2\n  poll_max_ms: 200\n";
/// One release in so many is taken back.
const TAKEN_BACK_ONE_IN: u64 = 3;
/// Under load before, between and after the steps, at most, in milliseconds.
const STEP_MAX_MS: u64 = 500;

pub async fn run(series: &mut Series) {
    let Some(older) = series.older.clone() else {
        series.tally.notes.push("skipped: --older names no older build".to_owned());
        return;
    };
    for _ in 0..series.rounds {
        let mut world = begin(series, &older).await;
        let (found, steps) = round(series, &mut world).await;
        let found = world.judge().await.and(found);
        series.round(&world, &found);
        series.tally.count("changes of the schema", steps);
        series.close(world).await;
    }
}

/// A company that was founded with the older release.
async fn begin(series: &mut Series, older: &Path) -> World {
    let (name, seed) = series.next_name();
    let place = Place::sqlite().var("AUTORISEN_MASTER_KEY", KEY).running(older);
    place.write("autorisen.yaml", SETTINGS);
    let database = StoppablePostgres::start().await.expect("a Postgres server can be started here");
    let place = place.var("DATABASE_URL", database.url());
    World::within(place, Some(database), &series.folder, &name, seed).await
}

async fn round(series: &mut Series, world: &mut World) -> (Findings, u64) {
    let before = steps(world).await;
    let old = world.server.base.clone();
    let first = Load::begin(world, std::slice::from_ref(&old), CLIENTS);
    pause(series).await;
    let newer = world.beside(SETTINGS);
    world.journal.note("the newer release migrates");
    let migrated = newer.run(&["migrate", "up"]).await;
    let mut found = Findings::default();
    if migrated.code != 0 {
        found.broken.push(format!("the newer release can't migrate: {} {}", migrated.code, migrated.err));
    }
    pause(series).await;
    world.journal.note("the newer release serves");
    let server = newer.serve().await;
    let both = Load::begin(world, &[old, server.base.clone()], CLIENTS);
    first.end().await;
    pause(series).await;
    let log = if series.dice.below(TAKEN_BACK_ONE_IN) == 0 {
        world.journal.note("the newer release is taken back");
        stopped(server).await
    } else {
        world.journal.note("the older release ends");
        let old = std::mem::replace(&mut world.server, server);
        world.place = newer;
        world.cast.move_to(&world.server.base);
        stopped(old).await
    };
    pause(series).await;
    both.end().await;
    found.broken.extend(never_logged(&log));
    (found, steps(world).await.saturating_sub(before))
}

async fn stopped(mut server: Server) -> Vec<testkit::Value> {
    server.stop().await
}

async fn pause(series: &mut Series) {
    sleep(Duration::from_millis(series.dice.below(STEP_MAX_MS))).await;
}

/// Steps of the schema that the database has behind it.
async fn steps(world: &World) -> u64 {
    let database = world.database.as_ref().expect("this fault is for Postgres");
    database.ask("select count(*) from seaql_migrations").await.parse().unwrap_or_default()
}
