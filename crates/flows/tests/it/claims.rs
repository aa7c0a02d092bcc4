//! Who works on what: keys, replicas, fences, and the moved clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::Duration;
use flows::{Activity, FlowCx, FlowFault, Flows as _, StartOptions, Workflow};
use host::{Roles, Work};
use kernel::{Actor, Failure, OrgId};
use store::Tx;
use tokio::sync::Notify;

use crate::world::{Effects, World, start_of_story};

const NOTE: Activity<String, String> = Activity::new("story.note");
const NOTING: Workflow<String> = Workflow::new("story.noting", 1);
const DAILY: Workflow<u32> = Workflow::new("story.daily", 1);

async fn noting(mut cx: FlowCx, what: String) -> Result<String, FlowFault> {
    cx.step(NOTE, what).await
}

async fn daily(mut cx: FlowCx, days: u32) -> Result<(), FlowFault> {
    for _ in 0..days {
        let tomorrow = cx.now() + Duration::days(1);
        cx.sleep_until(tomorrow).await;
        cx.step(NOTE, cx.now().date_naive().to_string()).await?;
    }
    Ok(())
}

async fn noting_world() -> (World, Effects) {
    let effects = Effects::default();
    let log = effects.clone();
    let world = World::new(move |app| {
        let log = log.clone();
        app.workflow(NOTING, noting);
        app.workflow(DAILY, daily);
        app.activity(NOTE, move |_: Work, what: String| {
            log.add(what.clone());
            async { Ok::<_, Failure>(what) }
        });
    })
    .await;
    (world, effects)
}

testkit::both_engines! {
    async fn one_key_starts_one_run_in_each_organization() {
        let (world, effects) = noting_world().await;
        let mut ids = Vec::new();
        let other = OrgId::new(world.core.clock.now());
        for org in [world.org, world.org, other] {
            let mut tx = Tx::for_org(&world.core.store, org, Actor::System("story")).await.expect("a transaction");
            ids.push(flows::start(&mut tx, NOTING, &"once".to_owned(), StartOptions::dedupe("k")).await.expect("starts"));
            tx.commit().await.expect("commits");
        }
        for _ in 0..2 {
            let mut system = world.core.store.system("story").await.expect("the system door");
            ids.push(flows::start_system(&mut system, NOTING, &"once".to_owned(), StartOptions::dedupe("k")).await.expect("starts"));
            system.commit().await.expect("commits");
        }
        world.work().await;
        assert_eq!(effects.count(), 3);
        assert!(ids[0] == ids[1] && ids[1] != ids[2] && ids[3] == ids[4]);
    }
}

testkit::both_engines! {
    async fn two_replicas_share_a_thousand_runs_and_double_none() {
        let (world, effects) = noting_world().await;
        let replicas = [World::replica(), World::replica()];
        // In four parts: the time that one call may take is short.
        for part in 0..4 {
            let mut tx = world.tx().await;
            for number in part * 250..(part + 1) * 250 {
                flows::start(&mut tx, NOTING, &format!("{number:03}"), StartOptions::default()).await.expect("starts");
            }
            tx.commit().await.expect("commits");
            let (one, two) = tokio::join!(replicas[0].work_off(&world.core, 1000), replicas[1].work_off(&world.core, 1000));
            assert!(one.is_ok() && two.is_ok());
            world.work().await;
        }
        let mut noted = effects.all();
        noted.sort();
        assert_eq!(noted, (0..1000).map(|number| format!("{number:03}")).collect::<Vec<_>>());
    }
}

testkit::both_engines! {
    async fn a_worker_that_comes_late_is_fenced_off() {
        let (entered, go_on, first) = (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::new(AtomicBool::new(true)));
        let effects = Effects::default();
        let (log, told, wait) = (effects.clone(), entered.clone(), go_on.clone());
        let world = World::new(move |app| {
            let (log, told, wait, first) = (log.clone(), told.clone(), wait.clone(), first.clone());
            app.workflow(NOTING, noting);
            app.activity(NOTE, move |work: Work, what: String| {
                let (log, told, wait, slow) = (log.clone(), told.clone(), wait.clone(), first.swap(false, Ordering::SeqCst));
                async move {
                    log.add(format!("{what} at attempt {}", work.attempt));
                    if slow {
                        told.notify_one();
                        wait.notified().await;
                    }
                    Ok(if slow { "from the late one".to_owned() } else { "from the quick one".to_owned() })
                }
            });
        })
        .await;
        let mut tx = world.tx().await;
        flows::start(&mut tx, NOTING, &"x".to_owned(), StartOptions::default()).await.expect("starts");
        tx.commit().await.expect("commits");
        let late = World::replica();
        let in_time = async {
            entered.notified().await;
            world.later(Duration::minutes(5)).await;
            go_on.notify_one();
        };
        let (left, ()) = tokio::join!(late.work_off(&world.core, 1), in_time);
        left.expect("being late is no error");
        assert_eq!(effects.all(), ["x at attempt 1", "x at attempt 2"]);
        let outputs = outputs(&world).await;
        assert_eq!(outputs, [serde_json::json!("from the quick one")]);
    }
}

async fn outputs(world: &World) -> Vec<serde_json::Value> {
    #[derive(sea_orm::FromQueryResult)]
    struct Row {
        output: serde_json::Value,
    }
    const OUTPUTS: store::SystemSql = store::SystemSql::both("select output from flow_runs where state = 'done'");
    let mut system = world.core.store.system_read("story").await.expect("the system door");
    let rows: Vec<Row> = system.sql_all(OUTPUTS).await.expect("reads");
    rows.into_iter().map(|row| row.output).collect()
}

testkit::both_engines! {
    async fn work_off_stops_at_its_limit_and_says_what_is_left() {
        let (world, effects) = noting_world().await;
        let mut tx = world.tx().await;
        for number in 0..5 {
            flows::start(&mut tx, NOTING, &number.to_string(), StartOptions::default()).await.expect("starts");
        }
        tx.commit().await.expect("commits");
        let left = world.engine().work_off(&world.core, 3).await.expect("works");
        assert_eq!((left.due, effects.count()), (2, 3));
    }
}

testkit::both_engines! {
    async fn a_month_of_work_runs_at_its_own_times_when_the_clock_is_moved() {
        let (world, effects) = noting_world().await;
        let mut tx = world.tx().await;
        flows::start(&mut tx, DAILY, &3, StartOptions::default()).await.expect("starts");
        tx.commit().await.expect("commits");
        let target = start_of_story() + Duration::days(30);
        let left = world.engine().run_until(&world.core, target, 1000).await.expect("works");
        assert_eq!((left.due, world.core.clock.now()), (0, target));
        assert_eq!(effects.all(), ["2026-03-02", "2026-03-03", "2026-03-04"]);
    }
}

testkit::both_engines! {
    async fn a_run_for_later_waits_for_its_time() {
        let (world, effects) = noting_world().await;
        let mut tx = world.tx().await;
        let at = start_of_story() + Duration::hours(2);
        flows::start(&mut tx, NOTING, &"later".to_owned(), StartOptions::default().at(at)).await.expect("starts");
        tx.commit().await.expect("commits");
        world.later(Duration::hours(1)).await;
        assert_eq!(effects.count(), 0);
        world.later(Duration::hours(1)).await;
        assert_eq!(effects.count(), 1);
    }
}

testkit::both_engines! {
    async fn the_service_wakes_up_by_itself_and_stops_in_order() {
        let (world, effects) = noting_world().await;
        let running = world.serve(Roles { web: false, worker: true });
        let mut tx = world.tx().await;
        flows::start(&mut tx, NOTING, &"soon".to_owned(), StartOptions::default()).await.expect("starts");
        tx.commit().await.expect("commits");
        let patience = std::time::Duration::from_secs(10);
        tokio::time::timeout(patience, effects.reaches(1)).await.expect("it is worked off without being asked");
        assert!(running.stop().await, "all work ended");
    }
}

testkit::both_engines! {
    async fn working_off_beside_the_service_leaves_nothing() {
        let (world, effects) = noting_world().await;
        let running = world.serve(Roles { web: false, worker: true });
        for number in 0..60 {
            let mut tx = world.tx().await;
            flows::start(&mut tx, NOTING, &number.to_string(), StartOptions::default()).await.expect("starts");
            tx.commit().await.expect("commits");
            world.work().await;
            assert_eq!(effects.count(), number + 1);
        }
        assert!(running.stop().await, "all work ended");
    }
}

const CAUSE: Activity<u32, ()> = Activity::new("story.cause");
const CAUSING: Workflow<u32> = Workflow::new("story.causing", 1);

async fn causing(mut cx: FlowCx, number: u32) -> Result<(), FlowFault> {
    cx.step(CAUSE, number).await
}

/// What a run leaves behind is work of its own, also when the run ends while somebody looks for work.
async fn cause(work: Work, number: u32) -> Result<(), Failure> {
    let mut system = work.core.store.system("story").await?;
    flows::start_system(&mut system, NOTING, &number.to_string(), StartOptions::default()).await?;
    Ok(system.commit().await?)
}

testkit::both_engines! {
    async fn what_follows_from_work_in_the_hands_of_the_service_is_worked_off_too() {
        let effects = Effects::default();
        let log = effects.clone();
        let world = World::new(move |app| {
            let log = log.clone();
            app.workflow(CAUSING, causing);
            app.workflow(NOTING, noting);
            app.activity(CAUSE, cause);
            app.activity(NOTE, move |_: Work, what: String| {
                log.add(what.clone());
                async { Ok::<_, Failure>(what) }
            });
        })
        .await;
        let running = world.serve(Roles { web: false, worker: true });
        for number in 0..60 {
            let mut system = world.core.store.system("story").await.expect("the system door");
            flows::start_system(&mut system, CAUSING, &number, StartOptions::default()).await.expect("starts");
            system.commit().await.expect("commits");
            world.work().await;
            assert_eq!(effects.count(), number as usize + 1);
        }
        assert!(running.stop().await, "all work ended");
    }
}
