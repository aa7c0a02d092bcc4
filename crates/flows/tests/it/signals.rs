//! Signals: before anybody waits, while somebody waits, and never.

use chrono::Duration;
use flows::{Activity, FlowCx, FlowFault, Flows as _, StartOptions, Workflow};
use host::Work;
use kernel::{Actor, Failure, OrgId};
use store::Tx;

use crate::world::{Effects, World, start_of_story};

const SAY: Activity<String, ()> = Activity::new("story.say");
const WAITING: Workflow<()> = Workflow::new("story.waiting", 1);

async fn waiting(mut cx: FlowCx, (): ()) -> Result<(), FlowFault> {
    let first_call = cx.now() + Duration::hours(1);
    cx.sleep_until(first_call).await;
    let until = cx.now() + Duration::days(7);
    let heard = match cx.signal::<u32>("paid", until).await {
        Some(minor) => format!("paid {minor}"),
        None => "lost".to_owned(),
    };
    cx.step(SAY, heard).await
}

async fn waiting_world() -> (World, Effects) {
    let effects = Effects::default();
    let log = effects.clone();
    let world = World::new(move |app| {
        let log = log.clone();
        app.workflow(WAITING, waiting);
        app.activity(SAY, move |_: Work, what: String| {
            log.add(what);
            async { Ok::<_, Failure>(()) }
        });
    })
    .await;
    let mut tx = world.tx().await;
    flows::start(&mut tx, WAITING, &(), StartOptions::dedupe("case 1")).await.expect("starts");
    tx.commit().await.expect("commits");
    world.work().await;
    (world, effects)
}

async fn pay(world: &World, org: OrgId, name: &str, minor: u32) -> bool {
    let mut tx = Tx::for_org(&world.core.store, org, Actor::System("story")).await.expect("a transaction");
    let heard = flows::signal(&mut tx, "case 1", name, &minor).await.expect("signals");
    tx.commit().await.expect("commits");
    heard
}

testkit::both_engines! {
    async fn a_signal_wakes_who_waits_for_it() {
        let (world, effects) = waiting_world().await;
        world.later(Duration::hours(1)).await;
        assert!(pay(&world, world.org, "paid", 4200).await);
        world.work().await;
        assert_eq!(effects.all(), ["paid 4200"]);
        assert!(!pay(&world, world.org, "paid", 1).await, "the run is over");
    }
}

testkit::both_engines! {
    async fn a_signal_that_comes_early_is_kept() {
        let (world, effects) = waiting_world().await;
        assert!(pay(&world, world.org, "paid", 4200).await);
        assert!(pay(&world, world.org, "paid", 1).await);
        world.work().await;
        assert_eq!(effects.count(), 0, "it still sleeps");
        world.later(Duration::hours(1)).await;
        assert_eq!(effects.all(), ["paid 4200"], "the first one is heard");
    }
}

testkit::both_engines! {
    async fn without_a_signal_the_wait_ends_at_its_time() {
        let (world, effects) = waiting_world().await;
        world.later(Duration::hours(1)).await;
        world.later(Duration::days(6)).await;
        assert!(pay(&world, world.org, "opened", 1).await, "another signal is kept and wakes nobody");
        world.work().await;
        assert_eq!(effects.count(), 0);
        world.later(Duration::days(1)).await;
        assert_eq!(effects.all(), ["lost"]);
    }
}

testkit::both_engines! {
    async fn another_organization_can_not_signal() {
        let (world, effects) = waiting_world().await;
        world.later(Duration::hours(1)).await;
        let stranger = OrgId::new(world.core.clock.now());
        assert!(!pay(&world, stranger, "paid", 4200).await);
        world.work().await;
        assert_eq!(effects.count(), 0);
    }
}

testkit::both_engines! {
    async fn a_run_for_later_starts_early_when_what_it_is_woken_by_comes() {
        let (world, effects) = hearing_world().await;
        for key in ["in time", "woken"] {
            let mut tx = world.tx().await;
            let options = StartOptions::dedupe(key).woken_by("paid").at(start_of_story() + Duration::days(2));
            flows::start(&mut tx, HEARING, &key.to_owned(), options).await.expect("starts");
            tx.commit().await.expect("commits");
        }
        world.later(Duration::hours(1)).await;
        assert_eq!(effects.count(), 0, "their time has not come");
        let mut tx = world.tx().await;
        assert!(flows::signal(&mut tx, "woken", "other", &()).await.expect("signals"));
        tx.commit().await.expect("commits");
        world.work().await;
        assert_eq!(effects.count(), 0, "it waits for something else");
        let mut tx = world.tx().await;
        assert!(flows::signal(&mut tx, "woken", "paid", &()).await.expect("signals"));
        tx.commit().await.expect("commits");
        world.work().await;
        assert_eq!(effects.all(), ["woken", "woken was paid"], "it began, and the signal was kept for it");
        world.later(Duration::days(2)).await;
        assert_eq!(effects.all()[2..], ["in time", "in time was not paid"]);
    }
}

const HEARING: Workflow<String> = Workflow::new("story.hearing", 1);

async fn hearing(mut cx: FlowCx, key: String) -> Result<(), FlowFault> {
    cx.step(SAY, key.clone()).await?;
    let until = cx.now();
    let paid = cx.signal::<()>("paid", until).await.is_some();
    cx.step(SAY, format!("{key} was {}", if paid { "paid" } else { "not paid" })).await
}

async fn hearing_world() -> (World, Effects) {
    let effects = Effects::default();
    let log = effects.clone();
    let world = World::new(move |app| {
        let log = log.clone();
        app.workflow(HEARING, hearing);
        app.activity(SAY, move |_: Work, what: String| {
            log.add(what);
            async { Ok::<_, Failure>(()) }
        });
    })
    .await;
    (world, effects)
}
