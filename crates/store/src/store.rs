//! The handle to the database, and how it is opened.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use kernel::{Actor, Clock, MemberId, OrgId, RequestId};
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};

use crate::outbox::Listeners;
use crate::postgres::Servers;
use crate::schema::Roles;
use crate::session::Session;
use crate::sqlite::Files;
use crate::testing::Recorder;
use crate::{Cipher, KeyValue, MasterKey, StoreError, System, Tx, Valkey};

/// Which database runs. Only a room's private `store` module and migrations may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    /// What SeaORM calls it.
    pub const fn backend(self) -> DbBackend {
        match self {
            Self::Sqlite => DbBackend::Sqlite,
            Self::Postgres => DbBackend::Postgres,
        }
    }
}

/// Where the data lives.
#[derive(Clone)]
pub enum Location {
    /// A file; made when missing.
    Sqlite(PathBuf),
    /// Three addresses, one for each role. With `owner` alone the roles of the two doors are made
    /// and assumed by the program, which is meant for development.
    Postgres { owner: String, app: Option<String>, system: Option<String> },
}

impl std::fmt::Debug for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "Sqlite({})", path.display()),
            // The addresses carry passwords.
            Self::Postgres { .. } => f.write_str("Postgres(***)"),
        }
    }
}

/// The layers of isolation. All are on; a test switches one off to prove that the others hold.
#[derive(Debug, Clone, Copy)]
pub struct Guards {
    /// `org_id = …` in every typed query.
    pub typed_filters: bool,
    /// SQLite's temporary views over each tenant table.
    pub views: bool,
    /// SQLite's temporary triggers against foreign writes.
    pub triggers: bool,
}

impl Default for Guards {
    fn default() -> Self {
        Self { typed_filters: true, views: true, triggers: true }
    }
}

/// How to open the store.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    pub location: Location,
    /// Connections of the tenant door; on SQLite its readers.
    pub connections_max: u32,
    /// SQLite's `synchronous=FULL`: an answered write survives a loss of power.
    pub durable: bool,
    /// Refuse a database that may lose what it acknowledged, whatever set it up so. For production.
    pub strict: bool,
    pub guards: Guards,
    /// The server behind the key-value side; none keeps it in this process.
    pub valkey: Option<Valkey>,
}

/// Who acts, and through which request: what the audit trail records.
#[derive(Debug, Clone)]
pub struct Who {
    pub actor: Actor,
    pub request: Option<RequestId>,
    pub address: Option<String>,
}

impl Who {
    /// A part of the program itself.
    pub const fn system(part: &'static str) -> Self {
        Self { actor: Actor::System(part), request: None, address: None }
    }
}

impl From<Actor> for Who {
    fn from(actor: Actor) -> Self {
        Self { actor, request: None, address: None }
    }
}

/// What a tenant transaction is tied to.
#[derive(Debug, Clone)]
pub struct Pin {
    pub org: OrgId,
    pub who: Who,
    /// The membership and its version that the caller's rights were read from. When it has changed
    /// or is inactive, the transaction does not begin: [`StoreError::StaleRights`].
    pub rights: Option<(MemberId, i32)>,
}

/// Whether a transaction may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Read,
    Write,
}

/// A cheap handle to the opened database.
#[derive(Clone)]
pub struct Store(Arc<Opened>);

struct Opened {
    database: Database,
    location: Location,
    guards: Guards,
    clock: Clock,
    cipher: Cipher,
    key_value: KeyValue,
    listeners: OnceLock<Arc<dyn Listeners>>,
    /// Asleep unless a test wakes it; see [`crate::testing::record`].
    recorder: Arc<Recorder>,
}

pub(crate) enum Database {
    Sqlite(Files),
    Postgres(Servers),
}

impl Store {
    /// Opens the database. Migrating is a step of its own ([`Plan::up`](crate::Plan::up)), and the
    /// connections of the tenant door are made on first use, after it.
    pub async fn open(options: StoreOptions, clock: Clock, master: MasterKey) -> Result<Self, StoreError> {
        let database = match &options.location {
            Location::Sqlite(path) => Database::Sqlite(Files::open(path.clone(), &options).await?),
            Location::Postgres { owner, app, system } => {
                let servers = Servers::open(owner, app.as_deref(), system.as_deref(), options.connections_max).await?;
                Database::Postgres(servers)
            }
        };
        if options.strict {
            match &database {
                Database::Sqlite(files) => files.refuse_lossy().await?,
                Database::Postgres(servers) => servers.refuse_lossy().await?,
            }
        }
        Ok(Self(Arc::new(Opened {
            database,
            location: options.location,
            guards: options.guards,
            cipher: Cipher::new(master),
            key_value: KeyValue::new(clock.clone(), options.valkey),
            clock,
            listeners: OnceLock::new(),
            recorder: Arc::default(),
        })))
    }

    /// Sets who is told of events. Only the first call counts.
    pub fn listen(&self, listeners: Arc<dyn Listeners>) {
        if self.0.listeners.set(listeners).is_err() {
            tracing::warn!("the listeners of the store were set twice; the first ones stay");
        }
    }

    /// The tenant door: a transaction that is pinned to one organization.
    pub async fn begin(&self, pin: Pin, mode: Mode) -> Result<Tx, StoreError> {
        let session = match &self.0.database {
            Database::Sqlite(files) => files.tenant(pin.org, pin.rights, mode).await?,
            Database::Postgres(servers) => servers.tenant(pin.org, pin.rights, mode).await?,
        };
        Ok(Tx::new(self.clone(), session, pin.org, pin.who, mode).with_rights(pin.rights))
    }

    /// The system door, for reading and writing. `why` is for the log and for whoever searches.
    pub async fn system(&self, why: &'static str) -> Result<System, StoreError> {
        self.open_system(why, Mode::Write).await
    }

    /// The system door, for reading.
    pub async fn system_read(&self, why: &'static str) -> Result<System, StoreError> {
        self.open_system(why, Mode::Read).await
    }

    async fn open_system(&self, why: &'static str, mode: Mode) -> Result<System, StoreError> {
        tracing::trace!(why, ?mode, "system door opened");
        let session = match &self.0.database {
            Database::Sqlite(files) => files.system(mode).await?,
            Database::Postgres(servers) => servers.system(mode).await?,
        };
        Ok(System::new(self.clone(), session, why, mode))
    }

    /// A transaction of the system door as it is, for the parts of this room that need no builder.
    pub(crate) async fn system_session(&self) -> Result<Session, StoreError> {
        match &self.0.database {
            Database::Sqlite(files) => files.system(Mode::Read).await,
            Database::Postgres(servers) => servers.system(Mode::Read).await,
        }
    }

    pub fn engine(&self) -> Engine {
        match self.0.database {
            Database::Sqlite(_) => Engine::Sqlite,
            Database::Postgres(_) => Engine::Postgres,
        }
    }

    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub fn cipher(&self) -> &Cipher {
        &self.0.cipher
    }

    /// The key-value side: what may be lost at any moment.
    pub fn key_value(&self) -> &KeyValue {
        &self.0.key_value
    }

    /// Asks the database for a sign of life.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let session = self.system_session().await?;
        session.query_one_raw(Statement::from_string(self.engine().backend(), "select 1")).await?;
        session.commit().await
    }

    /// Waits for open transactions and closes every connection.
    pub async fn close(&self) {
        match &self.0.database {
            Database::Sqlite(files) => files.close().await,
            Database::Postgres(servers) => servers.close().await,
        }
    }

    pub(crate) fn database(&self) -> &Database {
        &self.0.database
    }

    pub(crate) fn location(&self) -> &Location {
        &self.0.location
    }

    pub(crate) fn recorder(&self) -> &Arc<Recorder> {
        &self.0.recorder
    }

    pub(crate) fn guards(&self) -> Guards {
        self.0.guards
    }

    pub(crate) fn listeners(&self) -> Option<Arc<dyn Listeners>> {
        self.0.listeners.get().cloned()
    }

    /// The database roles that policies and grants name; empty on SQLite.
    pub(crate) fn roles(&self) -> Roles {
        match &self.0.database {
            Database::Sqlite(_) => Roles::default(),
            Database::Postgres(servers) => servers.roles().clone(),
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the address: it may carry a password.
        write!(f, "Store({:?})", self.engine())
    }
}
