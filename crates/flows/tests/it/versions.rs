//! Code changes while runs are under way.

use chrono::Duration;
use flows::{Activity, FlowCx, FlowFault, Flows as _, StartOptions, Workflow};
use host::{Registry, Work};
use kernel::Failure;

use crate::world::{Effects, World};

const SAY: Activity<String, ()> = Activity::new("story.say");
const TALK_1: Workflow<()> = Workflow::new("story.talk", 1);
const TALK_2: Workflow<()> = Workflow::new("story.talk", 2);

async fn talk(mut cx: FlowCx, (): ()) -> Result<(), FlowFault> {
    cx.step(SAY, "hello".to_owned()).await?;
    let tomorrow = cx.now() + Duration::days(1);
    cx.sleep_until(tomorrow).await;
    cx.step(SAY, "goodbye".to_owned()).await
}

async fn talk_otherwise(mut cx: FlowCx, (): ()) -> Result<(), FlowFault> {
    let tomorrow = cx.now() + Duration::days(1);
    cx.sleep_until(tomorrow).await;
    cx.step(SAY, "good day".to_owned()).await
}

fn say(app: &mut Registry, effects: &Effects) {
    let log = effects.clone();
    app.activity(SAY, move |_: Work, what: String| {
        log.add(what);
        async { Ok::<_, Failure>(()) }
    });
}

async fn talking(effects: &Effects) -> World {
    let log = effects.clone();
    let world = World::new(move |app| {
        say(app, &log);
        app.workflow(TALK_1, talk);
    })
    .await;
    let mut tx = world.tx().await;
    flows::start(&mut tx, TALK_1, &(), StartOptions::default()).await.expect("starts");
    tx.commit().await.expect("commits");
    world.work().await;
    world
}

testkit::both_engines! {
    async fn changed_code_is_noticed_before_it_does_harm() {
        let effects = Effects::default();
        let mut world = talking(&effects).await;
        let log = effects.clone();
        world
            .deploy(move |app| {
                say(app, &log);
                app.workflow(TALK_1, talk_otherwise);
            })
            .await;
        world.later(Duration::days(1)).await;
        assert_eq!(effects.all(), ["hello"]);
        let reason = world.dead().await.remove(0).reason;
        assert!(reason.starts_with("flow_changed: at 0: step story.say became sleep"), "{reason}");
    }
}

testkit::both_engines! {
    async fn a_run_keeps_the_version_that_it_was_started_with() {
        let effects = Effects::default();
        let mut world = talking(&effects).await;
        let log = effects.clone();
        world
            .deploy(move |app| {
                say(app, &log);
                app.workflow(TALK_1, talk);
                app.workflow(TALK_2, talk_otherwise);
            })
            .await;
        let mut tx = world.tx().await;
        flows::start(&mut tx, TALK_2, &(), StartOptions::default()).await.expect("starts");
        tx.commit().await.expect("commits");
        world.work().await;
        world.later(Duration::days(1)).await;
        let mut said = effects.all();
        said.sort();
        assert_eq!(said, ["good day", "goodbye", "hello"]);
    }
}

testkit::both_engines! {
    async fn a_run_waits_for_a_build_that_has_its_code() {
        let effects = Effects::default();
        let mut world = talking(&effects).await;
        world.deploy(|_| ()).await;
        world.later(Duration::days(1)).await;
        assert!(world.dead().await.is_empty());
        let log = effects.clone();
        world
            .deploy(move |app| {
                say(app, &log);
                app.workflow(TALK_1, talk);
            })
            .await;
        world.later(Duration::minutes(2)).await;
        assert_eq!(effects.all(), ["hello", "goodbye"]);
    }
}
