//! The boot: from modules and settings to a process that is ready to open its store.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use kernel::Clock;
use store::Guards;

use crate::config::{self, Problem};
use crate::settings::{ServerConfig, Settings};
use crate::{Config, ConfigError, Module, Prepared, Registry, SecretSource, high_water, locate, safety, valkey};

/// The data folder when none is given.
const DATA_DIR: &str = "data";

/// Where the settings come from.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The environment's variables.
    pub vars: BTreeMap<String, String>,
    /// The working folder: relative paths start here.
    pub dir: PathBuf,
    /// Where files are kept that the program makes; `data` when not given.
    pub data_dir: Option<PathBuf>,
    /// The settings file; when not given `AUTORISEN_CONFIG`, else `autorisen.yaml` if there is one.
    pub config: Option<PathBuf>,
    /// Values of the command line by dotted key.
    pub overrides: BTreeMap<String, String>,
}

impl Sources {
    /// No variables, and the current folder: for tests.
    pub fn empty() -> Self {
        Self { vars: BTreeMap::new(), dir: PathBuf::from("."), data_dir: None, config: None, overrides: BTreeMap::new() }
    }

    /// The environment of this process.
    pub fn of_process() -> Self {
        Self { vars: config::of_process(), ..Self::empty() }
    }

    #[must_use]
    pub fn var(mut self, name: &str, value: impl Into<String>) -> Self {
        self.vars.insert(name.to_owned(), value.into());
        self
    }

    /// Replaces a port of 0, which means any free one, by such a port: links have to name it, so it is
    /// chosen before anything is registered.
    #[must_use]
    pub fn with_a_port(self) -> Self {
        // What is wrong with the settings is told by whoever reads all of them.
        let Ok(mut config) = Config::load(&self, vec![]) else { return self };
        let server: ServerConfig = config.section();
        let chosen = (server.port == 0).then(|| TcpListener::bind((server.listen, 0)).and_then(|socket| socket.local_addr()));
        match chosen {
            Some(Ok(address)) => self.set("server.port", address.port().to_string()),
            _ => self,
        }
    }

    /// Sets a dotted key as the command line does: over every other layer.
    #[must_use]
    pub fn set(mut self, key: &str, value: impl Into<String>) -> Self {
        self.overrides.insert(key.to_owned(), value.into());
        self
    }
}

/// What a boot would find.
pub struct Examined {
    /// What can be known in spite of the problems: the default stands in for every value that is
    /// wrong. `None` when nothing can, because a file is no YAML or the database has no readable
    /// address.
    pub prepared: Option<Prepared>,
    pub problems: Vec<Problem>,
}

/// What a process is made of.
pub struct Boot {
    app: &'static str,
    modules: Vec<Box<dyn Module>>,
    sources: Sources,
    secrets: Vec<Box<dyn SecretSource>>,
    clock: Clock,
    guards: Guards,
}

impl Boot {
    pub fn new(app: &'static str, modules: Vec<Box<dyn Module>>) -> Self {
        let (secrets, guards) = Default::default();
        Self { app, modules, sources: Sources::of_process(), secrets, clock: Clock::system(), guards }
    }

    #[must_use]
    pub fn sources(self, sources: Sources) -> Self {
        Self { sources, ..self }
    }

    /// Adds a scheme of secret references.
    #[must_use]
    pub fn secrets(mut self, source: impl SecretSource + 'static) -> Self {
        self.secrets.push(Box::new(source));
        self
    }

    /// Another clock than the machine's.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Switches guards of the store off: for the proof that each of them is needed.
    #[must_use]
    pub fn guards(self, guards: Guards) -> Self {
        Self { guards, ..self }
    }

    /// Reads the settings and lets every module register. Touches nothing outside the process: what
    /// is wrong is returned all at once.
    pub fn prepare(self) -> Result<Prepared, ConfigError> {
        match self.examine() {
            Examined { prepared: Some(prepared), problems } if problems.is_empty() => Ok(prepared),
            Examined { problems, .. } => Err(ConfigError { problems }),
        }
    }

    /// As [`Boot::prepare`], and goes on where that would end: for whoever looks for faults.
    pub fn examine(self) -> Examined {
        let mut config = match Config::load(&self.sources, self.secrets) {
            Ok(config) => config,
            Err(ConfigError { problems }) => return Examined { prepared: None, problems },
        };
        let public_url = public_url(&config.section());
        let mut app = Registry::new(self.app, config, self.clock, public_url);
        let settings = Settings::read(&mut app);
        high_water::register(&mut app);
        let valkey = valkey::register(&mut app);
        let mut names = BTreeSet::new();
        for module in &self.modules {
            assert!(names.insert(module.name()), "two modules are called `{}`", module.name());
            module.register(&mut app);
        }
        safety::check(&mut app, &settings);
        if app.listeners().lacks_starter() {
            app.config_mut()
                .note(Problem::new("a module listens after the commit, and no module can start it; add the one that runs workflows"));
        }
        let data_dir = self.sources.dir.join(self.sources.data_dir.unwrap_or_else(|| DATA_DIR.into()));
        let location = locate::location(&settings.database, &self.sources.dir, &data_dir);
        if let Err((key, expected)) = &location {
            app.config_fault(key, *expected);
        }
        let problems = app.config_mut().finish().err().map(|error| error.problems).unwrap_or_default();
        let guards = self.guards;
        let prepared = location.ok().map(|location| Prepared { registry: Arc::new(app), settings, location, data_dir, guards, valkey });
        Examined { prepared, problems }
    }
}

fn public_url(server: &ServerConfig) -> Arc<str> {
    if let Some(url) = &server.public_url {
        return url.trim_end_matches('/').into();
    }
    // "Every address" is one to listen on, not one to go to.
    let host = if server.listen.is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { server.listen };
    format!("http://{}", SocketAddr::new(host, server.port)).into()
}

#[cfg(test)]
mod tests;
