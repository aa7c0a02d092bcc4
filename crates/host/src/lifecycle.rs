//! From prepared to running to stopped.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use kernel::Failure;
use store::{Guards, Location, MasterKey, Plan, Store, StoreError, StoreOptions, Valkey};
use tokio::sync::mpsc;

use crate::settings::Settings;
use crate::telemetry::{Stream, Telemetry};
use crate::work::Opened;
use crate::{Config, Core, Dispatcher, Environment, Registry, Role, Tasks, high_water, locate, master_key, safety};

/// Settings read and modules registered; nothing outside the process was touched.
pub struct Prepared {
    pub(crate) registry: Arc<Registry>,
    pub(crate) settings: Settings,
    pub(crate) location: Location,
    pub(crate) data_dir: PathBuf,
    pub(crate) guards: Guards,
    pub(crate) valkey: Option<Valkey>,
}

/// Which services a process runs, besides those that every one runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles {
    pub web: bool,
    pub worker: bool,
}

impl Roles {
    /// One process for everything.
    pub const ALL: Self = Self { web: true, worker: true };

    const fn run(self, role: Role) -> bool {
        match role {
            Role::Web => self.web,
            Role::Worker => self.worker,
            Role::Always => true,
        }
    }
}

/// Why the store could not be opened.
#[derive(Debug)]
pub struct OpenError {
    pub what: String,
    /// The next thing to try.
    pub hint: Option<String>,
    /// Whether it could be opened and is refused for safety.
    pub is_refusal: bool,
}

impl OpenError {
    /// 5 for what is refused for safety, 4 for what can't be reached.
    pub fn exit_code(&self) -> u8 {
        if self.is_refusal { 5 } else { 4 }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        self.hint.iter().try_for_each(|hint| write!(f, "\n  hint: {hint}"))
    }
}

impl std::error::Error for OpenError {}

impl Prepared {
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    pub fn config(&self) -> &Config {
        self.registry.settings()
    }

    /// The host's own settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub fn environment(&self) -> Environment {
        self.registry.environment()
    }

    /// Whether the database lives inside this process, so that no other process may share it.
    pub fn is_embedded(&self) -> bool {
        matches!(self.location, Location::Sqlite(_))
    }

    /// The schema's steps.
    pub fn plan(&self) -> Plan {
        self.registry.plan()
    }

    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Which database is meant; its addresses hold passwords.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Whether the key that everything is derived from is at hand, or would be made by the first start.
    pub fn has_master_key(&self) -> bool {
        self.settings.security.master_key.is_some() || master_key::file(&self.data_dir).exists()
    }

    /// Whether the database exists already; of a server that is its own business, and the answer is no.
    pub fn location_is_made(&self) -> bool {
        matches!(&self.location, Location::Sqlite(file) if file.exists())
    }

    /// The server that processes share, when one is set.
    pub fn valkey(&self) -> Option<&Valkey> {
        self.valkey.as_ref()
    }

    /// What to try when the database can't be reached.
    pub fn database_hint(&self) -> Option<String> {
        locate::hint(&self.location, locate::in_container())
    }

    /// How this process logs, as its settings say.
    pub fn telemetry(&self, stream: Stream, colour: bool) -> Telemetry {
        Telemetry {
            app: self.registry.app(),
            environment: self.environment(),
            level: self.settings.log.level.clone(),
            format: self.settings.log.format,
            stream,
            colour,
            clock: self.registry.clock().clone(),
        }
    }

    /// Opens the store, and holds the security clock to the latest instant that was seen before. Does
    /// not migrate.
    pub async fn open(&self) -> Result<Core, OpenError> {
        let (registry, environment) = (self.registry.clone(), self.environment());
        if let Some(at) = self.settings.dev.crash_at.as_deref().and_then(|at| at.parse().ok()) {
            tracing::warn!(event = "host.crash_armed", at = ?at, "this process will die on purpose");
            kernel::crash::arm(at);
        }
        let store = self.open_store().await?;
        store.listen(Arc::new(Dispatcher(registry.clone())));
        for warning in safety::warnings(environment, &self.settings, matches!(self.location, Location::Postgres { .. })) {
            tracing::warn!(event = "host.setting_is_weak", "{warning}");
        }
        for (key, warning) in registry.warnings() {
            tracing::warn!(event = "host.setting_is_weak", key, "{key}: {warning}");
        }
        let core = Core::new(Opened {
            store,
            clock: registry.clock().clone(),
            parts: registry.parts(),
            tasks: Tasks::default(),
            environment,
            public_url: registry.public_url().into(),
            registry,
        });
        core.store.check_key().await.map_err(|error| self.cannot_open(&error))?;
        high_water::restore(&core).await.map_err(|error| self.cannot_open(&error))?;
        Ok(core)
    }

    fn cannot_open(&self, error: &StoreError) -> OpenError {
        if let StoreError::Unsafe(what) = error {
            return OpenError { what: what.clone(), hint: None, is_refusal: true };
        }
        let what = format!("the database can't be opened: {}", with_causes(error));
        OpenError { what, hint: self.database_hint(), is_refusal: false }
    }

    async fn open_store(&self) -> Result<Store, OpenError> {
        let (options, master) = self.store_options()?;
        Store::open(options, self.registry.clock().clone(), master).await.map_err(|error| self.cannot_open(&error))
    }

    /// How the store is opened, and the key: for commands that work on the database without opening
    /// it, such as a restore.
    pub fn store_options(&self) -> Result<(StoreOptions, MasterKey), OpenError> {
        let folder = |path: &Path| {
            make_private_folder(path).map_err(|error| OpenError {
                what: format!("the folder {} can't be made: {error}", path.display()),
                hint: Some("choose another with --data-dir".into()),
                is_refusal: false,
            })
        };
        folder(&self.data_dir)?;
        if let Location::Sqlite(file) = &self.location
            && let Some(parent) = file.parent()
        {
            folder(parent)?;
        }
        let options = StoreOptions {
            location: self.location.clone(),
            connections_max: self.settings.database.connections_max,
            durable: !self.environment().is_dev(),
            strict: self.environment().is_production(),
            guards: self.guards,
            valkey: self.valkey.clone(),
        };
        let master = master_key::load(&self.settings.security, &self.data_dir).map_err(|error| self.cannot_open(&error))?;
        Ok((options, master))
    }

    /// Starts the services of `roles`.
    pub fn start(&self, core: Core, roles: Roles) -> Running {
        let (failed, failures) = mpsc::unbounded_channel();
        for (name, role, service) in core.registry.all_services() {
            if !roles.run(*role) {
                continue;
            }
            let (name, failed, work) = (*name, failed.clone(), service(core.clone()));
            core.tasks.spawn(name, async move {
                let end = AssertUnwindSafe(work).catch_unwind().await;
                let failure = match end {
                    Ok(Ok(())) => return,
                    Ok(Err(failure)) => failure,
                    Err(_) => Failure::internal(format!("the service `{name}` panicked")),
                };
                tracing::error!(event = "host.service_failed", service = name, cause = with_causes(&failure));
                // Nobody listens any more when the process is stopping anyway.
                failed.send((name, failure)).ok();
            });
        }
        let stop_timeout = Duration::from_secs(self.settings.server.stop_timeout_s);
        Running { core, failures, stop_timeout }
    }
}

/// The error and what caused it, in one line for the log and the terminal.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let text = next.to_string();
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = next.source();
    }
    line
}

/// Makes the folder, readable by nobody else: it holds keys and rows.
fn make_private_folder(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// A process whose services run.
pub struct Running {
    pub core: Core,
    failures: mpsc::UnboundedReceiver<(&'static str, Failure)>,
    stop_timeout: Duration,
}

impl Running {
    /// Resolves when a service gave up, with its name and why. Waits forever while all is well.
    pub async fn failed(&mut self) -> (&'static str, Failure) {
        match self.failures.recv().await {
            Some(failure) => failure,
            None => std::future::pending().await,
        }
    }

    /// Ends all work within `server.stop_timeout_s` and closes the store. `false` when some work had
    /// to be given up; durable work goes on at the next start.
    pub async fn stop(self) -> bool {
        let ended = self.core.tasks.stop(self.stop_timeout).await;
        if !ended {
            tracing::warn!(event = "host.stop_timed_out", tasks = self.core.tasks.running(), "some work had to be given up");
        }
        self.core.store.close().await;
        ended
    }
}
