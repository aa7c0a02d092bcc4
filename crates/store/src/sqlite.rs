//! SQLite: one file, one writer at a time, several readers, and the guards that the engine lacks.
//!
//! SQLite has no row-level security, so each connection of the tenant door builds it out of
//! temporary objects: `temp.ctx` holds the pinned organization, a view of each table's own name
//! shows only its rows, and triggers abort a foreign write. Names resolve to `temp` before `main`,
//! so that even an unfiltered query meets the view.

pub(crate) mod lock;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use kernel::{MemberId, OrgId};
use sea_orm::{ConnectionTrait as _, Statement};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Sqlite, SqliteConnection, SqlitePool};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::session::{Open, Session};
use crate::shelf::Shelf;
use crate::{Engine, Guards, Mode, StoreError, StoreOptions};

/// How long a writer waits for its turn: as long as a caller waits for the first holder of an
/// idempotency key, and long enough for any transaction that does no network.
const PERMIT_WAIT: Duration = Duration::from_secs(5);
/// How long SQLite itself waits for a lock of another process.
const BUSY_WAIT: Duration = Duration::from_secs(5);
/// A migration of another process may take this long.
const MIGRATION_WAIT: Duration = Duration::from_mins(1);
/// Readers that nobody used for this long give their memory back.
const READER_IDLE: Duration = Duration::from_mins(5);
/// Readers of the system door: it looks things up by an index and is done.
const SYSTEM_READERS: u32 = 4;
/// Tries to switch a fresh file to write-ahead logging, which two processes may do at once.
const OPEN_TRIES: u32 = 5;

/// `FULL` as SQLite tells it; what is higher is stricter.
const SYNCHRONOUS_FULL: i64 = 2;

/// The organization that is pinned; an unset one is an error, not an empty list.
const PINNED: &str = "(SELECT ifnull(org_id, json('no tenant')) FROM temp.ctx)";

/// The pools over one file.
pub(crate) struct Files {
    /// Held as long as the file is open; a restore asks for it alone.
    _in_use: std::fs::File,
    path: PathBuf,
    durable: bool,
    readers: u32,
    guards: Guards,
    /// Two writer pools starve each other when only SQLite's own lock arbitrates (a wait of
    /// seconds was measured); a fair queue of our own does not.
    writer: Arc<Semaphore>,
    pools: RwLock<Pools>,
}

#[derive(Clone)]
struct Pools {
    tenant_write: Shelf<Sqlite>,
    tenant_read: Shelf<Sqlite>,
    system_write: Shelf<Sqlite>,
    system_read: Shelf<Sqlite>,
    /// Read once from the schema that these pools were made for.
    views: Arc<OnceLock<Views>>,
}

/// Statements that put the guard's views on a connection, and take them off.
struct Views {
    on: String,
    off: String,
}

impl Views {
    async fn read(session: &Session) -> Result<Self, StoreError> {
        let tables = "select name from main.sqlite_master m
                       where type = 'table' and exists (select 1 from pragma_table_info(m.name) where name = 'org_id')";
        let (mut on, mut off) = (String::new(), String::new());
        for row in session.query_all_raw(Statement::from_string(Engine::Sqlite.backend(), tables)).await? {
            let table: String = row.try_get_by("name")?;
            write_view(&mut on, &table);
            let _ = write!(off, "DROP VIEW temp.\"{table}\";");
        }
        Ok(Self { on, off })
    }
}

impl Files {
    pub(crate) async fn open(path: PathBuf, options: &StoreOptions) -> Result<Self, StoreError> {
        let in_use = lock::in_use(&path)?;
        make_private(&path)?;
        let (durable, readers, guards) = (options.durable, options.connections_max.max(1), options.guards);
        let pools = Pools::new(&path, durable, readers, guards);
        let (writer, pools) = (Arc::new(Semaphore::new(1)), RwLock::new(pools));
        let files = Self { _in_use: in_use, path, durable, readers, guards, writer, pools };
        let mut tries = 1;
        loop {
            match files.pools().system_write.pool().acquire().await {
                Ok(_) => return Ok(files),
                Err(_) if tries < OPEN_TRIES => tries += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Refuses a file whose connections do not keep what they acknowledged over a loss of power.
    pub(crate) async fn refuse_lossy(&self) -> Result<(), StoreError> {
        let mut connection = self.pools().system_write.pool().acquire().await?;
        let journal: String = sqlx::query_scalar("pragma journal_mode").fetch_one(&mut *connection).await?;
        let synchronous: i64 = sqlx::query_scalar("pragma synchronous").fetch_one(&mut *connection).await?;
        lossy(&self.path, &journal, synchronous).map_or(Ok(()), |why| Err(StoreError::Unsafe(why)))
    }

    fn pools(&self) -> Pools {
        self.pools.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives up all connections after the schema changed: the guards are made per connection, and
    /// a table that is younger than its connection would be unguarded.
    pub(crate) async fn refresh(&self) {
        let fresh = Pools::new(&self.path, self.durable, self.readers, self.guards);
        let old = std::mem::replace(&mut *self.pools.write().unwrap_or_else(PoisonError::into_inner), fresh);
        old.close().await;
    }

    pub(crate) async fn close(&self) {
        self.pools().close().await;
    }

    /// The writer's turn.
    pub(crate) async fn permit(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        match tokio::time::timeout(PERMIT_WAIT, self.writer.clone().acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(closed)) => Err(StoreError::Unavailable(closed.to_string())),
            Err(_) => {
                tracing::error!(
                    wait_ms = PERMIT_WAIT.as_millis() as u64,
                    "no turn to write: is a second write transaction opened while one is held?"
                );
                Err(StoreError::TimedOut)
            }
        }
    }

    /// The context is set *before* `BEGIN`: should a statement of the batch fail, no transaction
    /// is left open on a connection that goes back to the pool.
    pub(crate) async fn tenant(&self, org: OrgId, rights: Option<(MemberId, i32)>, mode: Mode) -> Result<Session, StoreError> {
        let pools = self.pools();
        let org = org.uuid().simple();
        let (member, version) = match rights {
            Some((member, version)) => (format!("x'{}'", member.uuid().simple()), version.to_string()),
            None => ("NULL".to_owned(), "NULL".to_owned()),
        };
        let context = format!("UPDATE temp.ctx SET org_id = x'{org}', member = {member}, rights = {version} WHERE rowid = 1");
        match mode {
            Mode::Write => {
                let permit = self.permit().await?;
                begin(&pools.tenant_write, format!("{context}; BEGIN IMMEDIATE"), Some(permit)).await
            }
            // The file is open for reading alone; the context lies in memory. (`query_only` would forbid both,
            // and switching it makes SQLite prepare every statement anew.)
            Mode::Read => begin(&pools.tenant_read, format!("{context}; BEGIN DEFERRED"), None).await,
        }
    }

    pub(crate) async fn system(&self, mode: Mode) -> Result<Session, StoreError> {
        let pools = self.pools();
        match mode {
            Mode::Write => {
                let permit = self.permit().await?;
                let unpinned =
                    "UPDATE temp.ctx SET org_id = NULL, member = NULL, rights = NULL WHERE rowid = 1; BEGIN IMMEDIATE".to_owned();
                begin(&pools.system_write, unpinned, Some(permit)).await
            }
            Mode::Read => begin(&pools.system_read, "BEGIN DEFERRED".to_owned(), None).await,
        }
    }

    /// Puts the views of the tenant door on a transaction of the system door that goes on as a
    /// tenant's; they come off before its commit.
    pub(crate) async fn guard_reads(&self, session: &Session) -> Result<(), StoreError> {
        let cached = self.pools().views;
        let Views { on, off } = if let Some(known) = cached.get() {
            known
        } else {
            let read = Views::read(session).await?;
            cached.get_or_init(|| read)
        };
        session.execute_unprepared(on).await?;
        session.before_commit(off.clone());
        Ok(())
    }

    /// One undressed connection with a long patience, for migrations.
    pub(crate) fn owner_pool(&self) -> SqlitePool {
        let options = connect_options(&self.path, self.durable).busy_timeout(MIGRATION_WAIT);
        SqlitePoolOptions::new().max_connections(1).test_before_acquire(false).connect_lazy_with(options)
    }
}

impl Pools {
    fn new(path: &Path, durable: bool, readers: u32, guards: Guards) -> Self {
        let options = connect_options(path, durable);
        let pool = |connections: u32| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .test_before_acquire(false)
                // SQLite ends the transaction by itself when the disk is full or fails
                // (<https://www.sqlite.org/lang_transaction.html>), and the driver does not hear of it: such
                // a connection would never begin another, so it is thrown away.
                .before_acquire(|connection, _| Box::pin(std::future::ready(Ok(!connection.is_in_transaction()))))
                .acquire_timeout(PERMIT_WAIT)
                .max_lifetime(None)
        };
        let dressed = |connections: u32, door: Door| pool(connections).after_connect(move |c, _| Box::pin(dress(c, guards, door)));
        let writer = |door: Door| Shelf::new(dressed(1, door).idle_timeout(None).connect_lazy_with(options.clone()));
        let readers = dressed(readers, Door::Tenant).idle_timeout(READER_IDLE).connect_lazy_with(options.clone().read_only(true));
        let lookups = pool(SYSTEM_READERS).idle_timeout(READER_IDLE).connect_lazy_with(options.clone().pragma("query_only", "1"));
        Self {
            tenant_write: writer(Door::Tenant),
            tenant_read: Shelf::new(readers),
            system_write: writer(Door::System),
            system_read: Shelf::new(lookups),
            views: Arc::default(),
        }
    }

    async fn close(&self) {
        futures::join!(self.tenant_write.close(), self.tenant_read.close(), self.system_write.close(), self.system_read.close());
    }
}

fn write_view(sql: &mut String, table: &str) {
    let _ = write!(sql, "CREATE TEMP VIEW \"{table}\" AS SELECT * FROM main.\"{table}\" WHERE org_id = {PINNED};");
}

/// What is wrong with these settings, if anything: <https://www.sqlite.org/pragma.html#pragma_synchronous>.
fn lossy(path: &Path, journal: &str, synchronous: i64) -> Option<String> {
    let file = path.display();
    if journal != "wal" {
        return Some(format!(
            "{file} uses the journal mode `{journal}` where `wal` is needed: move it to a local disk, where SQLite can share memory between \
             its connections"
        ));
    }
    (synchronous < SYNCHRONOUS_FULL).then(|| {
        format!(
            "{file} is open with synchronous={synchronous} and may lose acknowledged rows with the power: open it with synchronous=FULL"
        )
    })
}

/// With the writer's turn it writes, without it only reads.
async fn begin(shelf: &Shelf<Sqlite>, batch: String, permit: Option<OwnedSemaphorePermit>) -> Result<Session, StoreError> {
    let mode = if permit.is_some() { Mode::Write } else { Mode::Read };
    Ok(Session::new(Open::Sqlite(shelf.begin(batch, mode).await?), permit))
}

fn connect_options(path: &Path, durable: bool) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(if durable { SqliteSynchronous::Full } else { SqliteSynchronous::Normal })
        .busy_timeout(BUSY_WAIT)
        .pragma("temp_store", "memory")
        // Off, `INSERT OR REPLACE` would remove another organization's row without the trigger.
        .pragma("recursive_triggers", "on")
        .disable_statement_logging()
}

/// Makes the file readable by its owner alone; the write-ahead log inherits it.
fn make_private(path: &Path) -> Result<(), StoreError> {
    let unavailable = |e: std::io::Error| StoreError::Unavailable(format!("{}: {e}", path.display()));
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(unavailable)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(unavailable)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Door {
    Tenant,
    System,
}

/// What each connection gets before its first use.
async fn dress(connection: &mut SqliteConnection, guards: Guards, door: Door) -> Result<(), sqlx::Error> {
    let context = "CREATE TEMP TABLE ctx(org_id BLOB, member BLOB, rights INTEGER); INSERT INTO temp.ctx VALUES(NULL, NULL, NULL);";
    sqlx::raw_sql(context).execute(&mut *connection).await?;
    let tables: Vec<(String, bool)> = sqlx::query_as(
        "select m.name, not exists (select 1 from pragma_table_info(m.name) where name = 'updated_at')
           from main.sqlite_master m
          where m.type = 'table' and exists (select 1 from pragma_table_info(m.name) where name = 'org_id')",
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut sql = String::new();
    for (table, append_only) in &tables {
        if guards.triggers {
            write_triggers(&mut sql, table, *append_only, door);
        }
        if guards.views && door == Door::Tenant {
            write_view(&mut sql, table);
        }
    }
    if tables.iter().any(|(table, _)| table == "memberships") {
        sql.push_str(RIGHTS);
    }
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *connection).await.map(drop)
}

/// The batch that pins the organization also refuses rights that are no longer current.
const RIGHTS: &str = "CREATE TEMP TRIGGER ctx_rights BEFORE UPDATE ON temp.ctx
  WHEN NEW.member IS NOT NULL AND NOT EXISTS (SELECT 1 FROM main.memberships
       WHERE id = NEW.member AND org_id = NEW.org_id AND version = NEW.rights AND is_active)
  BEGIN SELECT RAISE(ABORT, 'stale rights'); END;";

/// The triggers of one table. On the system door they sleep until a tenant is pinned there, which
/// happens when a system transaction goes on as a tenant's.
fn write_triggers(sql: &mut String, table: &str, append_only: bool, door: Door) {
    let (awake, pinned) = match door {
        Door::Tenant => ("", PINNED),
        Door::System => ("(SELECT org_id FROM temp.ctx) IS NOT NULL AND ", "(SELECT org_id FROM temp.ctx)"),
    };
    let foreign = |row: &str| format!("{row}.org_id IS NOT {pinned}");
    let never = || "1".to_owned();
    let rules = [
        ("INSERT", foreign("NEW")),
        ("UPDATE", if append_only { never() } else { format!("{} OR {}", foreign("OLD"), foreign("NEW")) }),
        ("DELETE", if append_only { never() } else { foreign("OLD") }),
    ];
    for (verb, when) in rules {
        let _ = write!(
            sql,
            "CREATE TEMP TRIGGER \"guard_{table}_{verb}\" BEFORE {verb} ON main.\"{table}\" WHEN {awake}({when})
             BEGIN SELECT RAISE(ABORT, 'tenant guard: {table} {verb}'); END;"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_lose_rows_are_told_apart() {
        let file = Path::new("store.db");
        assert_eq!(lossy(file, "wal", 2), None);
        assert_eq!(lossy(file, "wal", 3), None);
        assert!(lossy(file, "wal", 1).is_some_and(|why| why.contains("synchronous=FULL")));
        assert!(lossy(file, "delete", 2).is_some_and(|why| why.contains("local disk")));
    }
}
