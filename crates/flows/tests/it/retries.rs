//! Activities that fail: for a while, for good, or by taking the worker with them.

use std::time::Duration as Wait;

use chrono::Duration;
use flows::{Activity, FlowCx, FlowFault, Flows as _, Retry, StartOptions, Workflow};
use host::Work;
use kernel::{Failure, General};

use crate::world::{Effects, World};

const CALL: Activity<(), u32> = Activity::new("story.call");
const CALLING: Workflow<()> = Workflow::new("story.calling", 1);

const RETRY: Retry = Retry { max: 3, first: Wait::from_mins(1), factor: 10, cap: Wait::from_hours(1) };

async fn calling(mut cx: FlowCx, (): ()) -> Result<u32, FlowFault> {
    cx.step(CALL, ()).await
}

/// A world where the call fails with `failure` until it was made `failures` times.
async fn failing(failures: usize, failure: fn() -> Failure) -> (World, Effects) {
    let effects = Effects::default();
    let log = effects.clone();
    let world = World::new(move |app| {
        let log = log.clone();
        app.workflow(CALLING, calling);
        app.activity(CALL, move |work: Work, ()| {
            let made = log.add(format!("attempt {} {}", work.attempt, work.key));
            async move { if made <= failures { Err(failure()) } else { Ok(7) } }
        })
        .retries(RETRY);
    })
    .await;
    let mut tx = world.tx().await;
    flows::start(&mut tx, CALLING, &(), StartOptions::dedupe("call")).await.expect("starts");
    tx.commit().await.expect("commits");
    world.work().await;
    (world, effects)
}

fn away() -> Failure {
    Failure::new(General::DependencyUnavailable)
}

fn refused() -> Failure {
    Failure::field("amount", "must be more than nothing")
}

testkit::both_engines! {
    async fn a_failed_attempt_waits_for_its_time_and_keeps_its_key() {
        let (world, effects) = failing(1, away).await;
        world.later(Duration::seconds(40)).await;
        assert_eq!(effects.count(), 1, "not before its time, even with the jitter");
        world.later(Duration::seconds(40)).await;
        let all = effects.all();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].trim_start_matches("attempt 1 "), all[1].trim_start_matches("attempt 2 "));
        assert!(world.dead().await.is_empty());
    }
}

testkit::both_engines! {
    async fn when_all_attempts_are_used_up_the_run_is_a_dead_letter() {
        let (world, effects) = failing(99, away).await;
        for _ in 0..5 {
            world.later(Duration::hours(2)).await;
        }
        assert_eq!(effects.count(), 3);
        let dead = world.dead().await;
        assert_eq!(dead.len(), 1);
        assert_eq!((dead[0].workflow.as_str(), dead[0].org, dead[0].dedupe_key.as_str()), ("story.calling", Some(world.org), "call"));
        assert!(dead[0].reason.starts_with("dependency_unavailable: "), "{}", dead[0].reason);
    }
}

testkit::both_engines! {
    async fn a_refusal_of_the_request_is_not_tried_again() {
        let (world, effects) = failing(99, refused).await;
        assert_eq!(effects.count(), 1);
        assert!(world.dead().await[0].reason.contains("amount: must be more than nothing"));
    }
}

testkit::both_engines! {
    async fn a_replayed_dead_letter_gets_all_its_attempts_again() {
        let (world, effects) = failing(1, refused).await;
        let dead = world.dead().await.remove(0);
        assert!(world.engine().replay(&world.core, dead.id).await.expect("replays"));
        world.work().await;
        assert_eq!(effects.count(), 2);
        assert!(world.dead().await.is_empty());
        assert!(!world.engine().replay(&world.core, dead.id).await.expect("answers"), "it is not dead any more");
    }
}

testkit::both_engines! {
    async fn a_poison_job_dies_alone() {
        let effects = Effects::default();
        let log = effects.clone();
        let world = World::new(move |app| {
            let log = log.clone();
            app.workflow(CALLING, calling);
            app.activity(CALL, move |work: Work, ()| {
                let log = log.clone();
                async move {
                    assert!(log.add("called") > 3 || work.attempt > 3, "poison");
                    Ok(1)
                }
            })
            .retries(RETRY);
        })
        .await;
        let mut tx = world.tx().await;
        flows::start(&mut tx, CALLING, &(), StartOptions::dedupe("poison")).await.expect("starts");
        tx.commit().await.expect("commits");
        for _ in 0..4 {
            world.later(Duration::hours(2)).await;
        }
        assert_eq!(world.dead().await.len(), 1);
        let mut tx = world.tx().await;
        flows::start(&mut tx, CALLING, &(), StartOptions::dedupe("healthy")).await.expect("starts");
        tx.commit().await.expect("commits");
        world.work().await;
        assert_eq!((effects.count(), world.dead().await.len()), (4, 1));
    }
}
