//! The system's clock jumps: two hours ahead, a day back, thirty days ahead. Nothing outlives its limit,
//! and no schedule runs twice.
//!
//! With libfaketime the clock under the process is moved; where it is not installed, the movable clock
//! of development stands in for it.

use std::time::Duration;

use testkit::{PASSWORD, StoppablePostgres, TestEngine, json};
use tokio::time::sleep;

use crate::hands::Hands;
use crate::judge::Findings;
use crate::series::Series;
use crate::somebody::until;
use crate::world::World;
use crate::{Place, Somebody};

const WORLD_ROUNDS: u32 = 30;
/// Access tokens live for a minute here, so that their end can be waited for.
const SETTINGS: &str = "flows:\n  lease_s: 2\n  poll_max_ms: 100\nidentity:\n  access_minutes: 1\n";
const ACCESS_S: i64 = 60;
/// How much longer than its limit something may live.
const LATE_MAX_S: i64 = 60;
/// An unused refresh token lives for so long.
const REFRESH_IDLE_S: i64 = 30 * DAY_S;
const DAY_S: i64 = 86_400;
/// Series of fewer rounds don't wait for a token to end in real time.
const LONG_FROM: u32 = 10;
/// What is due after a jump is worked off in this time.
const WORKED_OFF_MAX: Duration = Duration::from_secs(20);
/// Runs of schedules that were taken up more than once, or that are there twice for one tick.
const TICKS_TWICE: &str = "select (select count(*) from flow_runs where workflow = 'flows.scheduled' and fence > 1) + \
                           (select count(*) - count(distinct dedupe_key) from flow_runs where workflow = 'flows.scheduled')";

pub async fn run(series: &mut Series) {
    let mut left = series.rounds;
    while left > 0 {
        let (mut world, hands) = begin(series).await;
        for round in 0..left.min(WORLD_ROUNDS) {
            let found = match round % 3 {
                0 => two_hours_ahead(&mut world, &hands).await,
                1 => a_day_back(&mut world, &hands).await,
                _ => thirty_days_ahead(&mut world, &hands).await,
            };
            let found = found.and(no_tick_twice(&world).await);
            let found = world.judge().await.and(found);
            series.round(&world, &found);
        }
        left = left.saturating_sub(WORLD_ROUNDS);
        if left == 0 && series.rounds >= LONG_FROM {
            let found = time_goes_on(&mut world, &hands).await;
            series.found(&world.journal.path().display().to_string(), &found);
        }
        series.close(world).await;
    }
}

async fn begin(series: &mut Series) -> (World, Hands) {
    let (name, seed) = series.next_name();
    let place = Place::sqlite();
    place.write("autorisen.yaml", SETTINGS);
    let (place, hands) = Hands::on(place);
    let with = if matches!(hands, Hands::Library(_)) { "libfaketime" } else { "the movable clock" };
    if !series.tally.notes.iter().any(|note| note.contains(with)) {
        series.tally.notes.push(format!("with {with}"));
    }
    let database = if series.engine == TestEngine::Postgres { StoppablePostgres::start().await } else { None };
    let place = match &database {
        Some(database) => place.var("DATABASE_URL", database.url()),
        None => place,
    };
    (World::within(place, database, &series.folder, &name, seed).await, hands)
}

/// Somebody who signs in now: access token and refresh token.
async fn sign_in(world: &World) -> (Somebody, String) {
    let shown = json!({"email": "ada@northwind.test", "password": PASSWORD});
    let tokens = world.cast.nobody.post("/v1/auth/login", shown).await.expect(200);
    let text = |field: &str| tokens[field].as_str().unwrap_or_default().to_owned();
    (world.cast.nobody.holding(&text("access_token")), text("refresh_token"))
}

async fn lives(who: &Somebody, is_alive: bool, when: &str) -> Findings {
    let status = who.get("/v1/auth/me").await.status;
    let right = if is_alive { 200 } else { 401 };
    if status == right { Findings::default() } else { Findings::broken(format!("an access token is answered with {status} {when}")) }
}

async fn refreshes(world: &World, token: &str, right: u16, when: &str) -> Findings {
    let answer = world.cast.nobody.post("/v1/auth/refresh", json!({"refresh_token": token})).await;
    if answer.status == right {
        Findings::default()
    } else {
        Findings::broken(format!("a refresh token is answered with {} {when}", answer.status))
    }
}

async fn two_hours_ahead(world: &mut World, hands: &Hands) -> Findings {
    let (who, refresh) = sign_in(world).await;
    let found = lives(&who, true, "at once").await;
    hands.jump(world, 7200).await;
    let found = found.and(lives(&who, false, "two hours later").await);
    found.and(refreshes(world, &refresh, 200, "two hours later").await)
}

/// What has ended stays ended, what is new works, and what is older is not refused for being "too new".
async fn a_day_back(world: &mut World, hands: &Hands) -> Findings {
    let (old, _) = sign_in(world).await;
    hands.jump(world, ACCESS_S + LATE_MAX_S + 1).await;
    let (young, refresh) = sign_in(world).await;
    let mut found = lives(&old, false, "after its end").await;
    hands.jump(world, -DAY_S).await;
    found = found.and(lives(&old, false, "after its end and a day back").await);
    found = found.and(lives(&young, true, "at once and a day back").await);
    found = found.and(refreshes(world, &refresh, 200, "a day back").await);
    let (new, _) = sign_in(world).await;
    found.and(lives(&new, true, "that was made a day back").await)
}

async fn thirty_days_ahead(world: &mut World, hands: &Hands) -> Findings {
    // Security time never goes back: first it is caught up with, or the jump would look shorter to it.
    hands.jump(world, 2 * DAY_S).await;
    let (who, refresh) = sign_in(world).await;
    hands.jump(world, REFRESH_IDLE_S + LATE_MAX_S + 1).await;
    let found = lives(&who, false, "thirty days later").await;
    let found = found.and(refreshes(world, &refresh, 401, "that was not used for thirty days").await);
    // Back again, and then on: the hours of that month come a second time.
    hands.jump(world, -2 * DAY_S).await;
    let found = found.and(refreshes(world, &refresh, 401, "that had ended, after the clock went back").await);
    hands.jump(world, 2 * DAY_S).await;
    found
}

/// A clock that was set back does not stop the time of tokens: what has a minute to live is dead two
/// minutes later, by anybody's watch.
async fn time_goes_on(world: &mut World, hands: &Hands) -> Findings {
    let (who, _) = sign_in(world).await;
    hands.jump(world, -DAY_S).await;
    let alive = lives(&who, true, "at once and a day back").await;
    sleep(Duration::from_secs(u64::try_from(ACCESS_S + LATE_MAX_S + 1).unwrap_or_default())).await;
    alive.and(lives(&who, false, "two minutes of real time after it was made, with the clock set back").await)
}

async fn no_tick_twice(world: &World) -> Findings {
    let Some(database) = &world.database else { return Findings::default() };
    let open = "select count(*) from flow_runs where workflow = 'flows.scheduled' and state = 'open' and due_at <= now()";
    until(WORKED_OFF_MAX, async || (database.ask(open).await == "0").then_some(())).await;
    let twice = database.ask(TICKS_TWICE).await;
    if twice == "0" {
        Findings::default()
    } else {
        Findings { doubled: vec![format!("{twice} ticks of schedules")], ..Findings::default() }
    }
}
