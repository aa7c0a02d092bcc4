//! A newer version expands the schema while this one serves: columns, a table and an index come and go
//! under load, and a step that this program does not know stands in the list of migrations.
//!
//! What is shown: a program goes on without a fault on a schema that is ahead of it, which is what a
//! rollout asks of the old version. What is not shown: that each single step of a real release only
//! expands; that is the reviewer's part, and `migrate plan`'s.

use std::time::Duration;

use tokio::time::sleep;

use crate::judge::Findings;
use crate::load::Load;
use crate::series::Series;
use crate::world::World;

const CLIENTS: usize = 6;
const WORLD_ROUNDS: u32 = 20;
/// Tables that every request touches.
const TABLES: [&str; 5] = ["customers", "transactions", "cases", "flow_runs", "idempotency_keys"];
/// A later version's step.
const UNKNOWN: &str = "20991231_99_later";
/// Between two changes, at most, in milliseconds.
const PAUSE_MAX_MS: u64 = 60;

pub async fn run(series: &mut Series) {
    let mut left = series.rounds;
    while left > 0 {
        let mut world = series.world().await;
        for round in 0..left.min(WORLD_ROUNDS) {
            let found = expanded(series, &mut world, round).await;
            series.round(&world, &found);
        }
        left = left.saturating_sub(WORLD_ROUNDS);
        series.close(world).await;
    }
}

async fn expanded(series: &mut Series, world: &mut World, round: u32) -> Findings {
    let base = world.server.base.clone();
    let load = Load::begin(world, &[base], CLIENTS);
    let mut found = Findings::default();
    change(world, &format!("insert into seaql_migrations (version, applied_at) values ('{UNKNOWN}', 0)")).await;
    for table in TABLES {
        sleep(Duration::from_millis(series.dice.below(PAUSE_MAX_MS))).await;
        change(world, &format!("alter table {table} add column later_{round} text not null default 'x'")).await;
    }
    change(world, &format!("create table later_{round} (id uuid primary key)")).await;
    change(world, &format!("create index later_index_{round} on customers (org_id, later_{round})")).await;
    let ready = world.cast.nobody.get("/readyz").await;
    if ready.status != 200 {
        found.broken.push(format!("not ready on a schema that is ahead: {} {}", ready.status, ready.text));
    }
    let refused = world.place.run(&["migrate", "up"]).await;
    if refused.code == 0 || !refused.err.contains(UNKNOWN) {
        found.broken.push(format!("an older program migrates a newer schema: {} {}", refused.code, refused.err));
    }
    sleep(Duration::from_millis(200)).await;
    for table in TABLES {
        change(world, &format!("alter table {table} drop column later_{round}")).await;
        sleep(Duration::from_millis(series.dice.below(PAUSE_MAX_MS))).await;
    }
    change(world, &format!("drop table later_{round}; delete from seaql_migrations where version = '{UNKNOWN}'")).await;
    load.end().await;
    world.judge().await.and(found)
}

/// A change of the schema that does not queue up in front of everybody else: it gives up after a
/// moment and tries again, as a release should.
async fn change(world: &World, sql: &str) {
    let database = world.database.as_ref().expect("this fault is for Postgres");
    world.journal.note(sql);
    database.ask(&format!("set client_min_messages = warning; {sql}")).await;
}
