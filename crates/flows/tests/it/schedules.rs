//! Work by the clock.

use chrono::Duration;
use flows::{Activity, Flows as _};
use host::Work;
use kernel::Failure;

use crate::world::{Effects, World};

const TICK: Activity<(), ()> = Activity::new("story.tick");

async fn hourly() -> (World, Effects) {
    let effects = Effects::default();
    let log = effects.clone();
    let world = World::new(move |app| {
        let log = log.clone();
        app.schedule("story.hourly", "0 * * * *", TICK);
        app.activity(TICK, move |work: Work, ()| {
            log.add(work.core.clock.now().to_rfc3339());
            assert!(work.org.is_none());
            async { Ok::<_, Failure>(()) }
        });
    })
    .await;
    world.work().await;
    (world, effects)
}

testkit::both_engines! {
    async fn a_new_schedule_begins_with_its_next_tick() {
        let (world, effects) = hourly().await;
        assert_eq!(effects.count(), 0);
        world.later(Duration::minutes(59)).await;
        assert_eq!(effects.count(), 0);
        world.later(Duration::minutes(1)).await;
        assert_eq!(effects.count(), 1);
    }
}

testkit::both_engines! {
    async fn each_tick_runs_once_however_many_replicas_there_are() {
        let (world, effects) = hourly().await;
        let replicas = [World::replica(), World::replica(), World::replica()];
        for hour in 1..=3 {
            world.core.clock.advance(Duration::hours(1));
            let works = replicas.iter().map(|replica| replica.work_off(&world.core, 10));
            for left in futures::future::join_all(works).await {
                left.expect("works");
            }
            world.work().await;
            assert_eq!(effects.count(), hour);
        }
    }
}

testkit::both_engines! {
    async fn finished_runs_are_swept_out_after_their_time() {
        let (world, _) = hourly().await;
        world.later(Duration::hours(1)).await;
        let runs = count_runs(&world).await;
        world.later(Duration::days(60)).await;
        assert!(count_runs(&world).await > runs, "they are kept for a while");
        world.later(Duration::days(60)).await;
        let young = count_runs(&world).await;
        world.later(Duration::days(200)).await;
        world.later(Duration::days(1)).await;
        assert!(count_runs(&world).await <= young);
    }
}

testkit::both_engines! {
    async fn a_thousand_tries_for_two_hundred_and_fifty_ticks_start_each_once() {
        let (world, effects) = hourly().await;
        let replicas = [World::replica(), World::replica(), World::replica(), World::replica()];
        for hour in 1..=250 {
            world.core.clock.advance(Duration::hours(1));
            let works = replicas.iter().map(|replica| replica.work_off(&world.core, 10));
            for left in futures::future::join_all(works).await {
                left.expect("works");
            }
            assert_eq!(effects.count(), hour, "hour {hour}");
        }
    }
}

const KEYS: store::SystemSql = store::SystemSql::both("select count(*) as runs from idempotency_keys");
const EVENTS: store::SystemSql = store::SystemSql::both("select count(*) as runs from outbox");

/// Something happened, and whoever asked for it may ask again.
#[derive(serde::Serialize, serde::Deserialize)]
struct Asked;

impl kernel::Event for Asked {
    const NAME: &'static str = "story.asked";

    fn subject(&self) -> uuid::Uuid {
        uuid::Uuid::nil()
    }
}

async fn ask(world: &World, key: &str) {
    let mut tx = world.tx().await;
    let until = tx.now() + Duration::hours(24);
    tx.idempotency_claim("ask", key, "h", until).await.expect("claims");
    tx.emit(&Asked).await.expect("is told");
    tx.idempotency_finish(201, "done").await.expect("finishes");
    tx.commit().await.expect("commits");
}

testkit::both_engines! {
    async fn the_nightly_sweep_removes_what_is_over_and_nothing_else() {
        let (world, _) = hourly().await;
        for n in 0..3 {
            ask(&world, &format!("old-{n}")).await;
        }
        world.later(Duration::hours(16)).await;
        assert_eq!(count(&world, KEYS).await, 3, "in the first night no key is over");
        ask(&world, "young").await;
        world.later(Duration::minutes(23 * 60 + 30)).await;
        assert_eq!((count(&world, KEYS).await, count(&world, EVENTS).await), (1, 4), "in the second night the young one still answers");
        world.later(Duration::days(87)).await;
        assert_eq!(count(&world, EVENTS).await, 4);
        world.later(Duration::days(4)).await;
        assert_eq!((count(&world, KEYS).await, count(&world, EVENTS).await), (0, 0));
    }
}

testkit::both_engines! {
    async fn a_night_removes_more_than_one_batch() {
        let (world, _) = hourly().await;
        let mut tx = world.tx().await;
        let until = tx.now() + Duration::hours(1);
        for n in 0..1100 {
            tx.idempotency_claim("ask", &format!("k{n}"), "h", until).await.expect("claims");
        }
        tx.commit().await.expect("commits");
        assert_eq!(count(&world, KEYS).await, 1100);
        world.later(Duration::days(1)).await;
        assert_eq!(count(&world, KEYS).await, 0);
    }
}

async fn count(world: &World, sql: store::SystemSql) -> i64 {
    #[derive(sea_orm::FromQueryResult)]
    struct Row {
        runs: i64,
    }
    let mut system = world.core.store.system_read("story").await.expect("the system door");
    system.sql_one::<Row>(sql).await.expect("reads").expect("a row").runs
}

async fn count_runs(world: &World) -> i64 {
    count(world, store::SystemSql::both("select count(*) as runs from flow_runs")).await
}

testkit::both_engines! {
    async fn a_clock_that_is_set_back_runs_no_tick_twice() {
        let (world, effects) = hourly().await;
        world.later(Duration::hours(2)).await;
        assert_eq!(effects.count(), 1, "missed ticks are made up for by one run");
        world.later(-Duration::hours(2)).await;
        world.later(Duration::hours(1)).await;
        world.later(Duration::hours(1)).await;
        assert_eq!(effects.count(), 1);
        world.later(Duration::hours(1)).await;
        assert_eq!(effects.count(), 2);
    }
}
