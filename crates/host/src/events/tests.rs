//! Stories about events: heard before the commit, started after it, and never without end.

use kernel::{Actor, Clock, General, OrgId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::*;
use crate::{Boot, Core, Module, Registry, Roles, Sources};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct BookLent {
    book: Uuid,
    echoes: u32,
}

impl Event for BookLent {
    const NAME: &'static str = "lending.book_lent";

    fn subject(&self) -> Uuid {
        self.book
    }
}

/// Remembers what was started.
#[derive(Default)]
struct Started(std::sync::Mutex<Vec<String>>);

impl Starter for Arc<Started> {
    fn start_listener<'a>(&'a self, _: &'a mut Tx, listener: &'static str, event: &'a StoredEvent) -> BoxFuture<'a, Result<(), Failure>> {
        self.0.lock().expect("not poisoned").push(format!("{listener} hears {}", event.name));
        Box::pin(std::future::ready(Ok(())))
    }
}

struct Lending(Arc<Started>);

impl Module for Lending {
    fn name(&self) -> &'static str {
        "lending"
    }

    fn register(&self, app: &mut Registry) {
        app.provide_starter(Arc::new(self.0.clone()));
        app.on_tx::<BookLent>("lending.echo", |tx, event| {
            Box::pin(async move {
                match event.echoes {
                    0 => Ok(()),
                    13 => Err(Failure::new(General::Conflict)),
                    left => tx.emit(&BookLent { book: event.book, echoes: left - 1 }).await.map(drop),
                }
            })
        });
        app.on::<BookLent>("lending.receipt", send_receipt);
    }
}

async fn send_receipt(work: Work, event: BookLent) -> Result<(), Failure> {
    match (work.attempt, event.echoes) {
        (2.., 0) => Ok(()),
        _ => Err(Failure::new(General::DependencyUnavailable)),
    }
}

/// A program that lends books, opened and migrated in a folder of its own.
async fn opened() -> (tempfile::TempDir, Core, Arc<Started>) {
    let folder = tempfile::tempdir().expect("a folder");
    let started = Arc::new(Started::default());
    let sources = Sources { dir: folder.path().to_owned(), ..Sources::empty() }.var("AUTORISEN_ENV", "test");
    let prepared = Boot::new("bookshop", vec![Box::new(Lending(started.clone()))]).sources(sources).prepare().expect("ready");
    let core = prepared.open().await.expect("opened");
    prepared.plan().up(&core.store).await.expect("migrated");
    (folder, core, started)
}

async fn emit(core: &Core, echoes: u32) -> Result<(), Failure> {
    let org = OrgId::new(core.clock.now());
    let mut tx = Tx::for_org(&core.store, org, Actor::System("lending")).await?;
    tx.emit(&BookLent { book: org.uuid(), echoes }).await?;
    Ok(tx.commit().await?)
}

#[tokio::test]
async fn listeners_hear_in_the_transaction_and_are_started_for_after_it() {
    let (_folder, core, started) = opened().await;
    emit(&core, 1).await.expect("committed");
    let told = started.0.lock().expect("not poisoned").clone();
    assert_eq!(told, ["lending.receipt hears lending.book_lent", "lending.receipt hears lending.book_lent"]);
}

#[tokio::test]
async fn a_listener_that_refuses_undoes_the_change() {
    let (_folder, core, _) = opened().await;
    assert!(emit(&core, 13).await.is_err_and(|failure| failure.is(General::Conflict)));
}

#[tokio::test]
async fn events_that_cause_each_other_come_to_an_end() {
    let (_folder, core, _) = opened().await;
    let failure = emit(&core, 12).await.expect_err("too deep");
    assert!(failure.cause.is_some_and(|cause| cause.to_string().contains("in a circle")));
}

#[tokio::test]
async fn a_started_listener_runs_by_its_name() {
    let (_folder, core, _) = opened().await;
    let work = |attempt| Work { core: core.clone(), org: None, run: kernel::RunId::new(core.clock.now()), attempt, key: "k".into() };
    let payload = serde_json::json!({"book": Uuid::nil(), "echoes": 0});
    assert_eq!(core.registry.listener_names().collect::<Vec<_>>(), ["lending.receipt"]);
    for (attempt, fine) in [(1, false), (2, true)] {
        let run = core.registry.run_listener("lending.receipt", work(attempt), payload.clone()).expect("known");
        assert_eq!(run.await.is_ok(), fine);
    }
    assert!(core.registry.run_listener("lending.forgotten", work(1), payload).is_none());
    let unreadable = core.registry.run_listener("lending.receipt", work(2), serde_json::json!({})).expect("known").await;
    assert!(unreadable.is_err_and(|failure| failure.is(General::Internal)));
    assert!(work(1).begin("lending").await.is_err(), "no organization, no tenant transaction");
}

#[tokio::test]
async fn a_process_starts_its_services_and_stops_them() {
    struct Serving;
    impl Module for Serving {
        fn name(&self) -> &'static str {
            "serving"
        }
        fn register(&self, app: &mut Registry) {
            app.service("waits", crate::Role::Always, |core: Core| async move {
                core.tasks.stopping().await;
                Ok(())
            });
            app.service("gives up", crate::Role::Web, |_| async { Err(Failure::new(General::Internal)) });
            app.service("panics", crate::Role::Worker, |_| async { panic!("on purpose") });
            app.check("shelf", |_| async { Err("it fell over".to_owned()) });
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let sources = Sources { dir: folder.path().to_owned(), ..Sources::empty() }.var("AUTORISEN_ENV", "test");
    let boot = Boot::new("bookshop", vec![Box::new(Serving)]).sources(sources).clock(Clock::system());
    let prepared = boot.prepare().expect("ready");
    let core = prepared.open().await.expect("opened");
    let before = crate::health::report(&core).await;
    assert_eq!(
        before.checks.iter().map(|check| (check.name, check.ok)).collect::<Vec<_>>(),
        [("database", true), ("schema", false), ("shelf", false)]
    );
    prepared.plan().up(&core.store).await.expect("migrated");
    assert!(crate::health::one(&core, "schema").await.is_some_and(|check| check.ok));
    assert!(crate::health::one(&core, "nothing").await.is_none());

    let mut running = prepared.start(core.clone(), Roles { web: true, worker: false });
    assert_eq!(running.failed().await.0, "gives up");
    let mut worker = prepared.start(core, Roles { web: false, worker: true });
    assert_eq!(worker.failed().await.0, "panics");
    assert!(running.stop().await);
}
