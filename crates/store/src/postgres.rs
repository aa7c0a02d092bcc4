//! Postgres: three roles, three pools.
//!
//! The *owner* migrates, the *app* role is the tenant door and lives under row-level security, the
//! *system* role is the system door and passes it by explicit policies. Where only the owner's
//! address is given, the other two roles are made by the program and assumed at connect.

mod reach;
mod roles;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use kernel::{MemberId, OrgId};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection as _, PgPool, Postgres};

use crate::schema::Roles;
use crate::session::{Open, Session};
use crate::shelf::Shelf;
use crate::{Mode, StoreError};

/// Callers get their 503 within two seconds while the server is away.
const ACQUIRE_WAIT: Duration = Duration::from_millis(1500);
/// Dead connections are not tested for at each use (that costs a fifth of all queries), so they
/// should not grow old.
const IDLE: Duration = Duration::from_mins(1);
const LIFETIME: Duration = Duration::from_mins(10);
/// How long a statement waits for a lock: as long as a caller waits for the first holder of an
/// idempotency key.
const LOCK_WAIT_MS: u32 = 5000;
/// No query of the tenant door may take longer; a dashboard's budget is a hundredth of it.
const APP_STATEMENT_MS: u32 = 15_000;
/// The system door also sweeps and counts.
const SYSTEM_STATEMENT_MS: u32 = 60_000;
/// A transaction that does nothing for this long was forgotten.
const IDLE_IN_TRANSACTION_MS: u32 = 60_000;
/// Migrations need one connection; tests and `doctor` a second.
const OWNER_CONNECTIONS: u32 = 2;
/// The roles that are made when only the owner's address is given.
pub(crate) const APP_ROLE: &str = "autorisen_app";
pub(crate) const SYSTEM_ROLE: &str = "autorisen_system";
/// What our connections call themselves, so that one can see who is connected.
pub(crate) const PROGRAM: &str = "autorisen";

pub(crate) struct Servers {
    owner: PgPool,
    app: Shelf<Postgres>,
    system: Shelf<Postgres>,
    roles: Roles,
}

impl Servers {
    pub(crate) async fn open(owner: &str, app: Option<&str>, system: Option<&str>, connections: u32) -> Result<Self, StoreError> {
        let owner_pool = pool(OWNER_CONNECTIONS).connect_lazy_with(parse(owner)?.options([("search_path", "public,auth")]));
        let roles = Roles::of(app, system)?;
        for (given, role) in [(app, &roles.app), (system, &roles.system)] {
            if given.is_none() {
                roles::make(&owner_pool, role).await?;
            }
        }
        roles::check(&owner_pool, &roles).await?;
        // The server compiles what it believes to be costly, which takes longer than to run a dashboard's sums.
        let app_options = door(owner, app, &roles.app)?.options([
            ("search_path", "public".to_owned()),
            ("statement_timeout", APP_STATEMENT_MS.to_string()),
            ("jit", "off".to_owned()),
        ]);
        let system_options = door(owner, system, &roles.system)?
            .options([("search_path", "public,auth".to_owned()), ("statement_timeout", SYSTEM_STATEMENT_MS.to_string())]);
        Ok(Self {
            owner: owner_pool,
            app: Shelf::new(pool(connections.max(1)).connect_lazy_with(app_options)),
            system: Shelf::new(pool(connections.div_ceil(2).max(2)).connect_lazy_with(system_options)),
            roles,
        })
    }

    /// Refuses a server, a role or a database whose settings let an acknowledged write be lost.
    pub(crate) async fn refuse_lossy(&self) -> Result<(), StoreError> {
        let mut found = Vec::new();
        for (pool, role) in [(&self.owner, None), (self.app.pool(), Some(&self.roles.app)), (self.system.pool(), Some(&self.roles.system))]
        {
            roles::lossy(pool, role.map(String::as_str), &mut found).await?;
        }
        if found.is_empty() { Ok(()) } else { Err(StoreError::Unsafe(found.join("\n"))) }
    }

    pub(crate) const fn roles(&self) -> &Roles {
        &self.roles
    }

    pub(crate) fn owner_pool(&self) -> PgPool {
        self.owner.clone()
    }

    /// Pins the organization and checks the rights *before* `BEGIN`, in one batch: the statements
    /// before it belong to the same transaction, and should one fail, none is left open.
    pub(crate) async fn tenant(&self, org: OrgId, rights: Option<(MemberId, i32)>, mode: Mode) -> Result<Session, StoreError> {
        let mut batch = format!("SELECT set_config('app.org_id', '{}', true); ", org.uuid());
        if let Some((member, version)) = rights {
            let _ = write!(batch, "SELECT check_rights('{}', {version}); ", member.uuid());
        }
        batch.push_str("BEGIN");
        begin(&self.app, &batch, mode).await
    }

    pub(crate) async fn system(&self, mode: Mode) -> Result<Session, StoreError> {
        begin(&self.system, "BEGIN", mode).await
    }

    pub(crate) async fn close(&self) {
        futures::join!(self.app.close(), self.system.close(), self.owner.close());
    }
}

/// Begins, and takes another connection when the first had died at rest.
async fn begin(shelf: &Shelf<Postgres>, batch: &str, mode: Mode) -> Result<Session, StoreError> {
    let started = Instant::now();
    loop {
        let left = ACQUIRE_WAIT.saturating_sub(started.elapsed());
        match tokio::time::timeout(left, shelf.begin(batch.to_owned(), mode)).await {
            Ok(Ok(open)) => return Ok(Session::new(Open::Postgres(open), None)),
            Ok(Err(error)) if StoreError::is_dead_connection(&error) && started.elapsed() < ACQUIRE_WAIT => {
                tracing::debug!(%error, "a pooled connection was dead; taking another");
                // A restarting server refuses at once; asking again without a pause is no use.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok(Err(error)) => return Err(reach::explain(shelf.pool(), shelf.is_bare(), error).await),
            Err(_) => return Err(reach::explain(shelf.pool(), shelf.is_bare(), sqlx::Error::PoolTimedOut).await),
        }
    }
}

/// A connection whose transaction did not end as the driver believes would never begin another; it is
/// thrown away. Asking the driver costs nothing.
fn pool(connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections)
        .test_before_acquire(false)
        .before_acquire(|connection, _| Box::pin(std::future::ready(Ok(!connection.is_in_transaction()))))
        .acquire_timeout(ACQUIRE_WAIT)
        .idle_timeout(IDLE)
        .max_lifetime(LIFETIME)
}

pub(crate) fn parse(url: &str) -> Result<PgConnectOptions, StoreError> {
    url.parse::<PgConnectOptions>()
        .map(|options| sqlx::ConnectOptions::disable_statement_logging(options.application_name(PROGRAM)))
        .map_err(|_| StoreError::Schema("the database address can't be read; expected postgres://user:password@host:5432/name".to_owned()))
}

impl Roles {
    /// The roles behind the doors: the users of their own addresses, or those that are assumed.
    pub(crate) fn of(app: Option<&str>, system: Option<&str>) -> Result<Self, StoreError> {
        let role = |url: Option<&str>, assumed: &str| {
            url.map_or_else(|| Ok(assumed.to_owned()), |url| Ok::<_, StoreError>(parse(url)?.get_username().to_owned()))
        };
        Ok(Self { app: role(app, APP_ROLE)?, system: role(system, SYSTEM_ROLE)? })
    }
}

/// Options of a door. Assuming the role at connect costs no round trip, and `RESET ROLE` does not
/// climb back.
fn door(owner: &str, own: Option<&str>, role: &str) -> Result<PgConnectOptions, StoreError> {
    let options = match own {
        Some(url) => parse(url)?,
        None => parse(owner)?.options([("role", role)]),
    };
    Ok(options.options([("lock_timeout", LOCK_WAIT_MS), ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION_MS)]))
}
