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

async fn count_runs(world: &World) -> i64 {
    #[derive(sea_orm::FromQueryResult)]
    struct Row {
        runs: i64,
    }
    const COUNT: store::SystemSql = store::SystemSql::both("select count(*) as runs from flow_runs");
    let mut system = world.core.store.system_read("story").await.expect("the system door");
    system.sql_one::<Row>(COUNT).await.expect("reads").expect("a row").runs
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
