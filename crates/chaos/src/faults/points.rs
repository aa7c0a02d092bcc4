//! `kill -9` at named points: before and after a commit, between an effect and its mark, in the
//! exchange of a refresh token, and in a migration.

use std::time::Duration;

use testkit::json;
use tokio::time::{sleep, timeout};

use crate::Place;
use crate::judge::Findings;
use crate::load::Load;
use crate::series::Series;
use crate::world::World;

const CLIENTS: usize = 6;
const WORLD_ROUNDS: u32 = 20;
/// The points that a loaded process comes by, with the most passings before it dies.
const UNDER_LOAD: [(&str, u64); 5] =
    [("before_commit", 60), ("after_commit", 60), ("after_effect", 8), ("in_rotation", 6), ("after_handover", 3)];
/// A process that did not come by its point in this time is killed as it stands.
const REACHED_MAX: Duration = Duration::from_secs(4);
/// Changes of the schema that a migration from nothing makes, at least.
const CHANGES: u64 = 90;
/// A migration takes no longer than this to come by its point.
const MIGRATED_MAX: Duration = Duration::from_secs(20);
/// The variable that arms a process.
const VARIABLE: &str = "AUTORISEN_CRASH_AT";

pub async fn run(series: &mut Series) {
    let mut left = series.rounds;
    while left > 0 {
        migration(series).await;
        let mut world = series.world().await;
        let mut unreached = 0;
        for number in 0..left.min(WORLD_ROUNDS) {
            let (point, passings) = UNDER_LOAD[number as usize % UNDER_LOAD.len()];
            let at = format!("{point}:{}", 1 + series.dice.below(passings));
            let found = round(series, &mut world, &at, &mut unreached).await;
            series.round(&world, &found);
        }
        if unreached > 0 {
            series.tally.count("were killed before they reached their point", unreached);
        }
        left = left.saturating_sub(WORLD_ROUNDS);
        series.close(world).await;
    }
}

async fn round(series: &mut Series, world: &mut World, at: &str, unreached: &mut u64) -> Findings {
    world.server.kill().await;
    world.journal.note(&format!("armed for {at}"));
    let mut command = world.place.command(&["serve", "--port", &world.place.port.to_string()]);
    command.env(VARIABLE, at);
    world.server = crate::Server::start(command, &world.server.base);
    let base = world.server.base.clone();
    let load = Load::begin(world, &[base], CLIENTS);
    if timeout(REACHED_MAX, world.server.ended()).await.is_err() {
        *unreached += 1;
        world.server.kill().await;
    }
    world.journal.note("dead");
    let took = world.restart().await;
    let slow = series.ready_in(took);
    sleep(Duration::from_millis(series.dice.below(150))).await;
    load.end().await;
    world.judge().await.and(slow)
}

/// A process that dies in the middle of making its schema, three times, leaves a database in which the
/// next one goes on.
async fn migration(series: &mut Series) {
    let database = match series.engine {
        testkit::TestEngine::Sqlite => None,
        testkit::TestEngine::Postgres => Some(testkit::StoppablePostgres::start().await.expect("a Postgres server can be started here")),
    };
    let place = Place::sqlite();
    let place = match &database {
        Some(database) => place.var("DATABASE_URL", database.url()),
        None => place,
    };
    let mut found = Findings::default();
    for _ in 0..3 {
        let at = format!("in_migration:{}", 1 + series.dice.below(CHANGES));
        let mut command = place.command(&["serve", "--port", &place.port.to_string()]);
        command.env(VARIABLE, &at);
        let mut server = crate::Server::start(command, &format!("http://127.0.0.1:{}", place.port));
        if timeout(MIGRATED_MAX, server.ended()).await.is_err() {
            found.broken.push(format!("a start that was armed for {at} did not die: {}", server.talk()));
            server.kill().await;
        }
    }
    let mut server = place.serve().await;
    let ada = server.somebody().sign_up("ada@acme.test", "Acme").await;
    let made = ada.post("/v1/customers", json!({"name": "First"})).await;
    if made.status != 201 {
        found.broken.push(format!("after a migration that was cut off: {} {}", made.status, made.text));
    }
    server.stop().await;
    series.found("no journal: nothing was acknowledged", &found);
}
