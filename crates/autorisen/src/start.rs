//! Starting: open, migrate where that is allowed, restore the moved clock, bind, run.

use std::fmt;
use std::net::SocketAddr;

use host::{ConfigError, Core, OpenError, Prepared, Roles, Running};
use kernel::Failure;
use store::StoreError;
use web::ListenError;

/// Why a command ended without doing what it was asked: one line of what, one of what to do.
#[derive(Debug)]
pub struct Ended {
    /// 1 a check failed, 2 usage, 3 config, 4 unreachable, 5 refused for safety.
    pub code: u8,
    pub what: String,
    pub hint: Option<String>,
}

impl Ended {
    /// A check failed, or what was asked can't be done.
    pub fn failed(what: impl Into<String>) -> Self {
        Self { code: 1, what: what.into(), hint: None }
    }

    /// Something outside the process can't be reached.
    pub fn unreachable(what: impl Into<String>) -> Self {
        Self { code: 4, what: what.into(), hint: None }
    }

    /// Adds the next thing to try.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        self.hint.iter().try_for_each(|hint| write!(f, "\n  hint: {hint}"))
    }
}

impl std::error::Error for Ended {}

impl From<ConfigError> for Ended {
    fn from(error: ConfigError) -> Self {
        Self { code: error.exit_code(), what: error.to_string(), hint: None }
    }
}

impl From<OpenError> for Ended {
    fn from(error: OpenError) -> Self {
        Self { code: error.exit_code(), what: error.what, hint: error.hint }
    }
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Self {
        let code = match error {
            StoreError::Unavailable(_) => 4,
            StoreError::Unsafe(_) => 5,
            _ => 1,
        };
        Self { code, what: error.to_string(), hint: None }
    }
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self::failed(failure.to_string())
    }
}

impl From<ListenError> for Ended {
    fn from(error: ListenError) -> Self {
        let hint = match &error {
            ListenError::Busy { .. } => "stop it, or choose another port with --port or PORT",
            ListenError::Refused { .. } => "choose another address with --listen, or another port with --port",
        };
        Self::unreachable(error.to_string()).hint(hint)
    }
}

/// A running process.
pub struct Started {
    pub running: Running,
    /// Where it listens, when it answers requests.
    pub address: Option<SocketAddr>,
}

/// Brings the schema up to date; answers the names of the steps that were applied.
pub async fn migrate(prepared: &Prepared, core: &Core) -> Result<Vec<&'static str>, Ended> {
    Ok(prepared.plan().up(&core.store).await?)
}

/// Opens the store and starts the services of `roles`. In development, demo and test the schema
/// migrates itself; elsewhere a pending step makes `/readyz` say so.
pub async fn start(prepared: &Prepared, roles: Roles) -> Result<Started, Ended> {
    let core = prepared.open().await?;
    if prepared.environment().is_dev() {
        let applied = migrate(prepared, &core).await?;
        if !applied.is_empty() {
            tracing::info!(event = "store.migrated", steps = applied.len(), "the schema was brought up to date");
        }
        crate::dev::restore_clock(&core).await?;
    }
    let address = if roles.web { Some(web::listen(&core)?) } else { None };
    if roles.web && prepared.environment().is_dev() {
        crate::dev::keep_public_url(&core).await;
    }
    Ok(Started { running: prepared.start(core, roles), address })
}
