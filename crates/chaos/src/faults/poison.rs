//! Poison: work that can never succeed is set aside with a reason, and everybody else's goes on.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::judge::Findings;
use crate::load::Load;
use crate::series::{Series, never_logged};
use crate::somebody::until;
use crate::world::World;

const CLIENTS: usize = 4;
const WORLD_ROUNDS: u32 = 20;
/// Poisoned runs of each round.
const DOSES: u32 = 5;
/// They are set aside within this time.
const SET_ASIDE_MAX: Duration = Duration::from_secs(10);
/// Inputs that no workflow can read.
const POISONS: [&str; 5] = ["\"nonsense\"", "{}", "[]", "null", "{\"id\": -1}"];

pub async fn run(series: &mut Series) {
    let mut left = series.rounds;
    while left > 0 {
        let mut world = series.world().await;
        for round in 0..left.min(WORLD_ROUNDS) {
            let found = poisoned(series, &mut world, round).await;
            series.round(&world, &found);
        }
        left = left.saturating_sub(WORLD_ROUNDS);
        end(series, world).await;
    }
}

async fn poisoned(series: &mut Series, world: &mut World, round: u32) -> Findings {
    let base = world.server.base.clone();
    let load = Load::begin(world, &[base], CLIENTS);
    sleep(Duration::from_millis(100 + series.dice.below(200))).await;
    world.journal.note("poison");
    let began = Instant::now();
    for dose in 0..DOSES {
        let input = POISONS[dose as usize % POISONS.len()];
        let database = world.database.as_ref().expect("this fault is for Postgres");
        database.ask(&plant(&format!("poison-{round}-{dose}"), input)).await;
    }
    let database = world.database.as_ref().expect("this fault is for Postgres");
    let like = format!("dedupe_key like 'poison-{round}-%'");
    let dead = format!("select count(*) from flow_runs where {like} and state = 'dead' and reason <> ''");
    let all = until(SET_ASIDE_MAX, async || (database.ask(&dead).await == DOSES.to_string()).then_some(())).await;
    let mut found = series.within(began.elapsed(), SET_ASIDE_MAX, "poison is set aside");
    if all.is_none() {
        let left =
            database.ask(&format!("select workflow, state, attempt, reason, input from flow_runs where {like} and state <> 'dead'")).await;
        found.broken.push(format!("poison that is not set aside with a reason: {left}"));
    }
    load.end().await;
    world.judge().await.and(found)
}

/// A run like one that is there, with an input that cannot be read.
fn plant(key: &str, input: &str) -> String {
    format!(
        "insert into flow_runs (id, org_id, created_at, updated_at, version, workflow, workflow_version, dedupe_key, input, state, due_at, \
         started_at, attempt, fence) select gen_random_uuid(), org_id, now(), now(), 1, workflow, workflow_version, '{key}', '{input}'::jsonb, \
         'open', now(), now(), 0, 0 from flow_runs where workflow = 'mail.delivery' limit 1"
    )
}

/// The dead letters of this fault are its purpose, and each of them is an error in the log.
async fn end(series: &mut Series, mut world: World) {
    let found = world.close().await;
    series.tally.acknowledged += found.acknowledged;
    let log = world.server.stop().await;
    let others: Vec<_> = log.into_iter().filter(|line| line["event"] != "flows.run_dead").collect();
    let found = found.and(Findings { broken: never_logged(&others), ..Findings::default() });
    series.found(&world.journal.path().display().to_string(), &found);
}
