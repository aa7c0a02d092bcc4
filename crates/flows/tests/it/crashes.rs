//! A worker dies at the worst moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::Duration;
use flows::{Activity, FlowCx, FlowFault, Flows as _, StartOptions, Workflow};
use host::{Registry, Work};
use kernel::Failure;
use store::testing::owner_rows;
use store::{Store, SystemSql};
use tokio::sync::Notify;

use crate::world::{Effects, World};

const CHARGE: Activity<u32, String> = Activity::new("story.charge");
const MAIL: Activity<String, ()> = Activity::new("story.mail");
const COLLECT: Workflow<u32> = Workflow::new("story.collect", 1);

async fn collect(mut cx: FlowCx, amount: u32) -> Result<(), FlowFault> {
    let receipt = cx.step(CHARGE, amount).await?;
    let tomorrow = cx.now() + Duration::days(1);
    cx.sleep_until(tomorrow).await;
    cx.step(MAIL, receipt).await
}

/// A world whose first charge has its effect and then never comes back.
struct Crashing {
    world: World,
    effects: Effects,
    charged: Arc<Notify>,
}

async fn crashing() -> Crashing {
    let (effects, charged, first) = (Effects::default(), Arc::new(Notify::new()), Arc::new(AtomicBool::new(true)));
    let (log, told) = (effects.clone(), charged.clone());
    let world = World::new(move |app| {
        app.workflow(COLLECT, collect);
        let (log, told, first) = (log.clone(), told.clone(), first.clone());
        let mails = log.clone();
        app.activity(CHARGE, move |work: Work, amount: u32| {
            let (log, told, hang) = (log.clone(), told.clone(), first.swap(false, Ordering::SeqCst));
            async move {
                log.add(format!("charge {amount} with key {}", work.key));
                told.notify_one();
                if hang {
                    std::future::pending::<()>().await;
                }
                Ok(format!("receipt for {amount}"))
            }
        });
        app.activity(MAIL, move |_: Work, receipt: String| {
            mails.add(format!("mail {receipt}"));
            async { Ok::<_, Failure>(()) }
        });
    })
    .await;
    Crashing { world, effects, charged }
}

impl Crashing {
    async fn start(&self) {
        let mut tx = self.world.tx().await;
        flows::start(&mut tx, COLLECT, &42, StartOptions::default()).await.expect("starts");
        tx.commit().await.expect("commits");
    }

    /// Lets a replica work until the effect has happened, and kills it before it can write so.
    async fn die_between_effect_and_mark(&self) {
        let replica = World::replica();
        tokio::select! {
            _ = replica.work_off(&self.world.core, 10) => panic!("it should hang"),
            () = self.charged.notified() => (),
        }
    }
}

/// The same workflow with a charge that comes back.
fn working(app: &mut Registry, log: &Effects) {
    let (charges, mails) = (log.clone(), log.clone());
    app.workflow(COLLECT, collect);
    app.activity(CHARGE, move |_: Work, _: u32| {
        charges.add("charged again");
        async { Ok::<_, Failure>(String::new()) }
    });
    app.activity(MAIL, move |_: Work, receipt: String| {
        mails.add(receipt);
        async { Ok::<_, Failure>(()) }
    });
}

testkit::both_engines! {
    async fn after_a_crash_between_effect_and_mark_the_step_runs_again_with_the_same_key() {
        let story = crashing().await;
        story.start().await;
        story.die_between_effect_and_mark().await;
        story.world.later(Duration::minutes(1)).await;
        let effects = story.effects.all();
        assert_eq!(effects.len(), 2, "{effects:?}");
        assert_eq!(effects[0], effects[1], "the receiver can tell that it is the same");
        story.world.later(Duration::days(1)).await;
        assert_eq!(story.effects.all()[2], "mail receipt for 42");
    }
}

testkit::both_engines! {
    async fn a_process_that_stops_hands_its_work_back_at_once() {
        let mut story = crashing().await;
        story.start().await;
        let replica = World::replica();
        let stop = async {
            story.charged.notified().await;
            story.world.core.tasks.stop(std::time::Duration::from_secs(1)).await;
        };
        let (left, ()) = tokio::join!(replica.work_off(&story.world.core, 10), stop);
        assert_eq!(left.expect("stops in order").due, 1);
        let log = story.effects.clone();
        story.world.deploy(move |app| working(app, &log)).await;
        story.world.work().await;
        let effects = story.effects.all();
        assert_eq!(effects, [effects[0].clone(), "charged again".to_owned()], "without waiting for the lease to end");
    }
}

testkit::both_engines! {
    async fn a_lease_that_still_holds_keeps_others_away() {
        let story = crashing().await;
        story.start().await;
        story.die_between_effect_and_mark().await;
        story.world.engine().work_off(&story.world.core, 10).await.expect("works");
        assert_eq!(story.effects.count(), 1);
    }
}

testkit::both_engines! {
    async fn a_restart_goes_on_from_the_record() {
        let mut story = crashing().await;
        story.start().await;
        story.die_between_effect_and_mark().await;
        story.world.later(Duration::minutes(1)).await;
        let log = story.effects.clone();
        story.world.deploy(move |app| working(app, &log)).await;
        story.world.later(Duration::days(1)).await;
        assert_eq!(story.effects.all()[2..], ["receipt for 42"]);
    }
}

testkit::both_engines! {
    async fn a_run_does_not_start_when_its_transaction_does_not_commit() {
        let story = crashing().await;
        let mut tx = story.world.tx().await;
        flows::start(&mut tx, COLLECT, &42, StartOptions::default()).await.expect("starts");
        drop(tx);
        story.world.work().await;
        assert_eq!(story.effects.count(), 0);
    }
}

testkit::both_engines! {
    async fn a_lease_by_a_clock_that_was_set_back_holds_nobody_up() {
        let story = crashing().await;
        story.start().await;
        story.die_between_effect_and_mark().await;
        story.world.later(-Duration::hours(10)).await;
        assert_eq!(story.effects.count(), 2, "nobody waits ten hours for a worker that is gone");
    }
}

/// Ends every statement on this database that waits for a lock; whether there was one.
async fn end_who_waits(store: &Store) -> bool {
    let waiting =
        "select pg_cancel_backend(pid) as ended from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    !owner_rows(store, waiting).await.expect("the owner may end them").is_empty()
}

/// On PostgreSQL alone: nobody can keep a reader of SQLite waiting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passing_fault_of_the_database_leaves_no_run_to_its_lease() {
    const LOCK: SystemSql = SystemSql::both("lock table flow_steps in access exclusive mode");
    testkit::on_postgres(async {
        let story = crashing().await;
        story.start().await;
        story.die_between_effect_and_mark().await;
        story.world.core.clock.advance(Duration::minutes(1));
        let store = &story.world.core.store;
        let mut lock = store.system("story").await.expect("the system door");
        lock.sql(LOCK).await.expect("nobody is at work");
        let fault = async {
            while !end_who_waits(store).await {}
            drop(lock);
        };
        tokio::join!(story.world.work(), fault);
        assert_eq!(story.effects.count(), 2, "the clock stands, and the run went on");
    })
    .await;
}
