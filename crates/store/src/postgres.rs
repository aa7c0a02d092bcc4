//! Postgres: three roles, three pools.
//!
//! The *owner* migrates, the *app* role is the tenant door and lives under row-level security, the
//! *system* role is the system door and passes it by explicit policies. Where only the owner's
//! address is given, the other two roles are made by the program and assumed at connect.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use kernel::{MemberId, OrgId};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, PgPool, Row as _};

use crate::StoreError;
use crate::schema::Roles;
use crate::session::{Open, Session};

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
/// Roles belong to the whole server, and two processes may make them at once.
const ROLE_TRIES: u32 = 5;
/// The roles that are made when only the owner's address is given.
pub(crate) const APP_ROLE: &str = "autorisen_app";
pub(crate) const SYSTEM_ROLE: &str = "autorisen_system";

pub(crate) struct Servers {
    owner: PgPool,
    app: PgPool,
    system: PgPool,
    roles: Roles,
}

impl Servers {
    pub(crate) async fn open(owner: &str, app: Option<&str>, system: Option<&str>, connections: u32) -> Result<Self, StoreError> {
        let owner_options = parse(owner)?.options([("search_path", "public,auth")]);
        let owner_pool = pool(OWNER_CONNECTIONS).connect_lazy_with(owner_options);
        let roles = Roles { app: role_of(app, APP_ROLE)?, system: role_of(system, SYSTEM_ROLE)? };
        for (given, role) in [(app, &roles.app), (system, &roles.system)] {
            if given.is_none() {
                make_role(&owner_pool, role).await?;
            }
        }
        check_app_role(&owner_pool, &roles.app).await?;
        let app_options = door(owner, app, &roles.app)?
            .options([("search_path", "public".to_owned()), ("statement_timeout", APP_STATEMENT_MS.to_string())]);
        let system_options = door(owner, system, &roles.system)?
            .options([("search_path", "public,auth".to_owned()), ("statement_timeout", SYSTEM_STATEMENT_MS.to_string())]);
        Ok(Self {
            owner: owner_pool,
            app: pool(connections.max(1)).connect_lazy_with(app_options),
            system: pool(connections.div_ceil(2).max(2)).connect_lazy_with(system_options),
            roles,
        })
    }

    pub(crate) const fn roles(&self) -> &Roles {
        &self.roles
    }

    pub(crate) fn owner_pool(&self) -> PgPool {
        self.owner.clone()
    }

    /// Pins the organization and checks the rights *before* `BEGIN`, in one batch: the statements
    /// before it belong to the same transaction, and should one fail, none is left open.
    pub(crate) async fn tenant(&self, org: OrgId, rights: Option<(MemberId, i32)>) -> Result<Session, StoreError> {
        let mut batch = format!("SELECT set_config('app.org_id', '{}', true); ", org.uuid());
        if let Some((member, version)) = rights {
            let _ = write!(batch, "SELECT check_rights('{}', {version}); ", member.uuid());
        }
        batch.push_str("BEGIN");
        begin(&self.app, &batch).await
    }

    pub(crate) async fn system(&self) -> Result<Session, StoreError> {
        begin(&self.system, "BEGIN").await
    }

    pub(crate) async fn close(&self) {
        futures::join!(self.app.close(), self.system.close(), self.owner.close());
    }
}

/// Begins, and takes another connection when the first had died in the pool.
async fn begin(pool: &PgPool, batch: &str) -> Result<Session, StoreError> {
    let started = Instant::now();
    loop {
        let left = ACQUIRE_WAIT.saturating_sub(started.elapsed());
        match tokio::time::timeout(left, begun(pool, batch)).await {
            Ok(Ok(open)) => return Ok(Session::new(Open::Postgres(open), None)),
            Ok(Err(error)) if StoreError::is_dead_connection(&error) && started.elapsed() < ACQUIRE_WAIT => {
                tracing::debug!(%error, "a pooled connection was dead; taking another");
                // A restarting server refuses at once; asking again without a pause is no use.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => return Err(StoreError::Unavailable("no answer in time".to_owned())),
        }
    }
}

/// Begins in a task of its own. A caller who goes away between the sending of the batch and its
/// answer would leave a connection in the pool that stands inside a transaction which the driver
/// does not know of; the task hears the answer, and dropping the finished transaction rolls back.
#[expect(clippy::disallowed_methods, reason = "it ends with the answer of the database, which the pool waits for when it closes")]
async fn begun(pool: &PgPool, batch: &str) -> Result<sqlx::Transaction<'static, sqlx::Postgres>, sqlx::Error> {
    let (pool, batch) = (pool.clone(), batch.to_owned());
    let begun = tokio::spawn(async move { pool.begin_with(AssertSqlSafe(batch)).await });
    begun.await.unwrap_or(Err(sqlx::Error::WorkerCrashed))
}

fn pool(connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections)
        .test_before_acquire(false)
        .acquire_timeout(ACQUIRE_WAIT)
        .idle_timeout(IDLE)
        .max_lifetime(LIFETIME)
}

pub(crate) fn parse(url: &str) -> Result<PgConnectOptions, StoreError> {
    url.parse::<PgConnectOptions>()
        .map(sqlx::ConnectOptions::disable_statement_logging)
        .map_err(|_| StoreError::Schema("the database address can't be read; expected postgres://user:password@host:5432/name".to_owned()))
}

/// The role behind a door: the user of its own address, or the one that is assumed.
pub(crate) fn role_of(url: Option<&str>, assumed: &str) -> Result<String, StoreError> {
    url.map_or_else(|| Ok(assumed.to_owned()), |url| Ok(parse(url)?.get_username().to_owned()))
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

/// Makes a role and lets the owner assume it, if that is not so yet.
async fn make_role(owner: &PgPool, role: &str) -> Result<(), StoreError> {
    let sql = format!(
        "DO $$ BEGIN
           IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
             CREATE ROLE {role} NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
           END IF;
         EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
         DO $$ BEGIN
           IF NOT pg_has_role(current_user, '{role}',
                CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END) THEN
             GRANT {role} TO CURRENT_USER;
           END IF;
         END $$;"
    );
    let mut tries = 1;
    loop {
        match sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(owner).await {
            Ok(_) => return Ok(()),
            // Another process changes the same row of the catalogue: wait for it and look again.
            Err(sqlx::Error::Database(e)) if tries < ROLE_TRIES && matches!(e.code().as_deref(), Some("XX000" | "40001" | "23505")) => {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(20 * u64::from(tries))).await;
            }
            Err(sqlx::Error::Database(e)) if e.code().as_deref() == Some("42501") => {
                return Err(StoreError::Schema(format!(
                    "the owner may not make the role {role}; make it by hand, or give database.app_url and database.system_url"
                )));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Row-level security binds only a role that can't pass it.
async fn check_app_role(owner: &PgPool, role: &str) -> Result<(), StoreError> {
    let row = sqlx::query("SELECT rolsuper OR rolbypassrls, rolname = current_user FROM pg_roles WHERE rolname = $1")
        .bind(role)
        .fetch_optional(owner)
        .await?
        .ok_or_else(|| StoreError::Schema(format!("the database role {role} does not exist")))?;
    let (passes, owns): (bool, bool) = (row.try_get(0)?, row.try_get(1)?);
    if passes || owns {
        return Err(StoreError::Schema(format!(
            "the tenant door must not use the role {role}: it {} and would pass row-level security",
            if owns { "owns the tables" } else { "is a superuser or has BYPASSRLS" }
        )));
    }
    Ok(())
}
