//! The registry: where a module says what it brings.

use std::future::Future;
use std::sync::Arc;

use futures::future::BoxFuture;
use kernel::{Clock, Event, Failure, FaultCode, General, Permission};
use store::{Plan, Step, Tx};

use crate::events::{Hears, Listeners};
use crate::{Config, Core, Environment, Parts, Section, Slots, Starter, Work};

/// A feature, built in or the user's own. The trait keeps these two methods; growth goes into
/// [`Registry`].
pub trait Module: Send + Sync + 'static {
    /// A short noun, single in the program.
    fn name(&self) -> &'static str;
    /// Says what the module brings.
    fn register(&self, app: &mut Registry);
}

/// Which kind of process runs a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// One that answers requests.
    Web,
    /// One that works off durable work.
    Worker,
    /// Every one.
    Always,
}

/// A line of the table of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultRow {
    pub code: &'static str,
    pub status: u16,
    pub message: &'static str,
}

type Check = Box<dyn Fn(Core) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;
type Service = Box<dyn Fn(Core) -> BoxFuture<'static, Result<(), Failure>> + Send + Sync>;

/// A health check.
pub(crate) struct RegisteredCheck {
    pub name: &'static str,
    /// Whether no request may come while it fails.
    pub gates: bool,
    pub run: Check,
}

/// What all modules together bring. Filled during the boot, sealed in an `Arc` after it.
pub struct Registry {
    app: &'static str,
    environment: Environment,
    public_url: Arc<str>,
    clock: Clock,
    config: Config,
    slots: Slots,
    parts: Parts,
    steps: Vec<Step>,
    permissions: Vec<Permission>,
    faults: Vec<FaultRow>,
    listeners: Listeners,
    checks: Vec<RegisteredCheck>,
    warnings: Vec<(&'static str, &'static str)>,
    services: Vec<(&'static str, Role, Service)>,
}

impl Registry {
    pub(crate) fn new(app: &'static str, config: Config, clock: Clock, public_url: Arc<str>) -> Self {
        let mut registry = Self {
            app,
            environment: config.environment(),
            public_url,
            clock,
            config,
            slots: Slots::default(),
            parts: Parts::default(),
            steps: Vec::new(),
            permissions: Vec::new(),
            faults: Vec::new(),
            listeners: Listeners::default(),
            checks: Vec::new(),
            warnings: Vec::new(),
            services: Vec::new(),
        };
        registry.faults::<General>();
        registry
    }

    /// The slot of `T`: how a room above keeps what its own verbs collect.
    pub fn slot<T: Default + Send + Sync + 'static>(&mut self) -> &mut T {
        self.slots.slot()
    }

    /// What was collected in the slot of `T`.
    pub fn get_slot<T: 'static>(&self) -> Option<&T> {
        self.slots.get()
    }

    /// The settings of one section, as they are in force. What is wrong with them is collected and
    /// reported together when all modules have registered; until then the defaults stand in.
    pub fn config<T: Section>(&mut self) -> T {
        self.config.section()
    }

    /// Says that the value of `key` is wrong: the boot ends with exit code 3.
    pub fn config_fault(&mut self, key: &str, message: impl Into<String>) {
        self.config.fault(key, message);
    }

    /// Says that the value of `key` is not safe where we run: the boot ends with exit code 5.
    pub fn config_refusal(&mut self, key: &str, message: impl Into<String>) {
        self.config.refuse(key, message);
    }

    /// Says that the value of `key` is allowed and still not what an operator wants: a line in the log
    /// at every start, and a finding of `doctor`.
    pub fn warn(&mut self, key: &'static str, message: &'static str) {
        self.warnings.push((key, message));
    }

    /// Settings that are allowed and still not what an operator wants: the key, and why.
    pub fn warnings(&self) -> &[(&'static str, &'static str)] {
        &self.warnings
    }

    /// Adds steps to the database's schema.
    pub fn migrations(&mut self, steps: impl IntoIterator<Item = Step>) {
        self.steps.extend(steps);
    }

    /// Declares permissions, for roles, keys and the console.
    pub fn permissions(&mut self, all: &[Permission]) {
        self.permissions.extend(all);
    }

    /// Declares an enum of faults, for the documentation.
    pub fn faults<F: FaultCode>(&mut self) {
        let rows = F::all().iter().map(|fault| FaultRow { code: fault.code(), status: fault.status(), message: fault.message() });
        self.faults.extend(rows);
    }

    /// Shares a part with the other modules: later `core.parts.get::<T>()`.
    pub fn provide<T: Send + Sync + 'static>(&mut self, part: T) -> Arc<T> {
        self.parts.add(part)
    }

    /// A part that a module registered earlier provided.
    pub fn part<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.parts.find()
    }

    /// Listens inside the transaction that emits `E`: a failure undoes the whole change. Write
    /// `|tx, event| Box::pin(async move { … })`.
    pub fn on_tx<E: Event>(
        &mut self,
        name: &'static str,
        listener: impl for<'a> Fn(&'a mut Tx, &'a E) -> BoxFuture<'a, Result<(), Failure>> + Send + Sync + 'static,
    ) {
        self.listeners.on_tx(name, listener);
    }

    /// Listens after the commit: durable, retried, at least once. Give an `async fn(Work, E)`, or a
    /// closure that names both types. The name is stored with pending work, so it stays when the
    /// code changes.
    pub fn on<E: Event>(&mut self, name: &'static str, listener: impl Hears<E>) {
        self.listeners.on(name, listener);
    }

    /// Says who starts after-commit listeners.
    pub fn provide_starter(&mut self, starter: Arc<dyn Starter>) {
        self.listeners.set_starter(starter);
    }

    /// Adds a health check: `Err` carries one sentence for the operator, without secrets.
    pub fn check<F, Fut>(&mut self, name: &'static str, check: F)
    where
        F: Fn(Core) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.add_check(name, true, check);
    }

    /// As [`Registry::check`], for something that we can do without: it is told beside the others, and
    /// requests come all the same while it fails.
    pub fn check_beside<F, Fut>(&mut self, name: &'static str, check: F)
    where
        F: Fn(Core) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.add_check(name, false, check);
    }

    fn add_check<F, Fut>(&mut self, name: &'static str, gates: bool, check: F)
    where
        F: Fn(Core) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.checks.push(RegisteredCheck { name, gates, run: Box::new(move |core| Box::pin(check(core))) });
    }

    /// Adds a part that runs as long as the process; it ends when `core.tasks.stopping()` fires.
    pub fn service<F, Fut>(&mut self, name: &'static str, role: Role, service: F)
    where
        F: Fn(Core) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        self.services.push((name, role, Box::new(move |core| Box::pin(service(core)))));
    }

    /// The name of the program that is put together here.
    pub fn app(&self) -> &'static str {
        self.app
    }

    pub fn environment(&self) -> Environment {
        self.environment
    }

    /// Where people reach us, without a slash at the end.
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// All settings, for listing and explaining.
    pub fn settings(&self) -> &Config {
        &self.config
    }

    pub fn all_permissions(&self) -> &[Permission] {
        &self.permissions
    }

    pub fn all_faults(&self) -> &[FaultRow] {
        &self.faults
    }

    /// The schema's steps of all rooms and modules, in order.
    pub fn plan(&self) -> Plan {
        let mut steps = store::steps();
        steps.extend(self.steps.iter().copied());
        Plan::new(steps)
    }

    /// Names of the listeners that run after a commit.
    pub fn listener_names(&self) -> impl Iterator<Item = &'static str> {
        self.listeners.after_commit_names()
    }

    /// Runs an after-commit listener with the stored event; `None` when no module has that name any
    /// more.
    pub fn run_listener(&self, name: &str, work: Work, payload: serde_json::Value) -> Option<BoxFuture<'static, Result<(), Failure>>> {
        self.listeners.run(name, work, payload)
    }

    pub(crate) fn config_mut(&mut self) -> &mut Config {
        &mut self.config
    }

    pub(crate) fn parts(&self) -> Parts {
        self.parts.clone()
    }

    pub(crate) fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    pub(crate) fn all_checks(&self) -> &[RegisteredCheck] {
        &self.checks
    }

    pub(crate) fn all_services(&self) -> &[(&'static str, Role, Service)] {
        &self.services
    }
}
