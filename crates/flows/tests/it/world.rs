//! A process with this room alone, on a file of its own, under a clock that stands.

use std::sync::Arc;

use chrono::Duration;
use flows::{DeadLetter, Engine, FlowsConfig};
use host::{Boot, Core, Module, Prepared, Registry, Roles, Running, Sources};
use kernel::{Actor, At, Clock, OrgId};
use store::Tx;
use tempfile::TempDir;
use tokio::sync::watch;

/// More turns than any story takes.
const RUNS_MAX: u64 = 1000;

/// What a story registers.
struct Given<F>(F);

impl<F: Fn(&mut Registry) + Send + Sync + 'static> Module for Given<F> {
    fn name(&self) -> &'static str {
        "story"
    }

    fn register(&self, app: &mut Registry) {
        (self.0)(app);
    }
}

pub struct World {
    pub core: Core,
    pub org: OrgId,
    prepared: Prepared,
    folder: TempDir,
}

pub fn start_of_story() -> At {
    "2026-03-01T12:00:00Z".parse().expect("a valid instant")
}

impl World {
    pub async fn new(register: impl Fn(&mut Registry) + Send + Sync + 'static) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the story");
        let clock = Clock::standing(start_of_story());
        let (prepared, core) = open(&folder, clock.clone(), register).await;
        Self { org: OrgId::new(clock.now()), core, prepared, folder }
    }

    /// The next deploy: the same data under other code.
    pub async fn deploy(&mut self, register: impl Fn(&mut Registry) + Send + Sync + 'static) {
        self.core.store.close().await;
        (self.prepared, self.core) = open(&self.folder, self.core.clock.clone(), register).await;
    }

    /// Starts the services, as a process does.
    pub fn serve(&self, roles: Roles) -> Running {
        self.prepared.start(self.core.clone(), roles)
    }

    pub async fn tx(&self) -> Tx {
        Tx::for_org(&self.core.store, self.org, Actor::System("story")).await.expect("a transaction")
    }

    pub fn engine(&self) -> Arc<Engine> {
        self.core.parts.get::<Engine>()
    }

    /// Another replica on the same database.
    pub fn replica() -> Engine {
        Engine::new(FlowsConfig { stop_grace_s: 0, ..FlowsConfig::default() })
    }

    /// Works off what is due and demands that nothing is left.
    pub async fn work(&self) {
        let left = self.engine().work_off(&self.core, RUNS_MAX).await.expect("the work is done");
        testkit::nothing_left(&self.core, left).await;
    }

    pub async fn later(&self, by: Duration) {
        self.core.clock.advance(by);
        self.work().await;
    }

    pub async fn dead(&self) -> Vec<DeadLetter> {
        self.engine().dead_letters(&self.core).await.expect("a list")
    }
}

async fn open(folder: &TempDir, clock: Clock, register: impl Fn(&mut Registry) + Send + Sync + 'static) -> (Prepared, Core) {
    let modules: Vec<Box<dyn Module>> = vec![Box::new(flows::Module), Box::new(Given(register))];
    let sources = testkit::on_this_engine(Sources { data_dir: Some(folder.path().to_owned()), ..Sources::empty() });
    let prepared = Boot::new("story", modules).sources(sources).clock(clock).prepare().expect("good settings");
    let core = prepared.open().await.expect("a store");
    prepared.plan().up(&core.store).await.expect("a schema");
    (prepared, core)
}

/// What happened in the outside world, in order.
#[derive(Clone)]
pub struct Effects(Arc<watch::Sender<Vec<String>>>);

impl Default for Effects {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Vec::new())))
    }
}

impl Effects {
    /// Notes an effect and says how many there are.
    pub fn add(&self, effect: impl Into<String>) -> usize {
        self.0.send_modify(|effects| effects.push(effect.into()));
        self.count()
    }

    pub fn all(&self) -> Vec<String> {
        self.0.borrow().clone()
    }

    pub fn count(&self) -> usize {
        self.0.borrow().len()
    }

    /// Resolves when there are so many.
    pub async fn reaches(&self, count: usize) {
        self.0.subscribe().wait_for(|effects| effects.len() >= count).await.expect("the sender lives as long as we do");
    }
}
