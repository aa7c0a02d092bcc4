//! Looking at a database without changing it: for `doctor`, which must leave nothing behind.
//!
//! Unlike [`Store::open`](crate::Store::open) this makes no file, no role and no pool; each address
//! is asked over one connection of its own.

use std::path::Path;
use std::time::Duration;

use kernel::At;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use crate::postgres::parse;
use crate::{Engine, Location, StoreError};

/// A server that needs longer to greet is not reachable for any practical purpose.
const GREETING_MAX: Duration = Duration::from_secs(5);

/// What was found.
#[derive(Debug, Clone)]
pub struct Facts {
    pub engine: Engine,
    pub version: String,
    /// The database's own clock, where it has one.
    pub now: Option<At>,
    /// The names of the applied migrations; `None` where nothing was ever migrated.
    pub applied: Option<Vec<String>>,
    /// Connections that the server has for all its clients; zero where that is no question.
    pub connections_max: i64,
    /// Settings of the server that keep what was committed, each with its value.
    pub durability: Vec<(&'static str, String)>,
    /// The roles behind the addresses that were given.
    pub doors: Vec<Door>,
}

impl Facts {
    /// Whether a server of its own keeps the rows, with roles, a clock and connections to count.
    pub fn is_server(&self) -> bool {
        self.engine == Engine::Postgres
    }
}

/// One address of a Postgres server.
#[derive(Debug, Clone)]
pub struct Door {
    /// The key of the settings.
    pub key: &'static str,
    /// The role behind it, or why it does not open.
    pub role: Result<Role, String>,
}

/// A role of a Postgres server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    pub name: String,
    /// It is a superuser or has `BYPASSRLS`.
    pub passes_policies: bool,
    /// Tables of ours that belong to it.
    pub tables_owned: i64,
}

/// Asks the database about itself. `Ok(None)` for a file that nobody made yet.
pub async fn inspect(location: &Location) -> Result<Option<Facts>, StoreError> {
    match location {
        Location::Sqlite(path) if !path.exists() => Ok(None),
        Location::Sqlite(path) => in_time(sqlite(path)).await.map(Some),
        Location::Postgres { owner, app, system } => in_time(postgres(owner, app.as_deref(), system.as_deref())).await.map(Some),
    }
}

async fn in_time<T>(asked: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let answer = tokio::time::timeout(GREETING_MAX, asked).await;
    answer.unwrap_or_else(|_| Err(StoreError::Unavailable("no answer in time".to_owned())))
}

async fn sqlite(path: &Path) -> Result<Facts, StoreError> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true).disable_statement_logging();
    let mut connection: SqliteConnection = options.connect().await?;
    let version: String = sqlx::query_scalar("select sqlite_version()").fetch_one(&mut connection).await?;
    let table = "select 1 from sqlite_master where name = 'seaql_migrations'";
    let applied = match sqlx::query(table).fetch_optional(&mut connection).await? {
        Some(_) => Some(sqlx::query_scalar("select version from seaql_migrations order by version").fetch_all(&mut connection).await?),
        None => None,
    };
    connection.close().await?;
    Ok(Facts { engine: Engine::Sqlite, version, now: None, applied, connections_max: 0, durability: vec![], doors: vec![] })
}

async fn postgres(owner: &str, app: Option<&str>, system: Option<&str>) -> Result<Facts, StoreError> {
    let mut connection: PgConnection = parse(owner)?.connect().await?;
    let row = sqlx::query("select current_setting('server_version'), now(), current_setting('max_connections')::bigint")
        .fetch_one(&mut connection)
        .await?;
    let mut durability = Vec::new();
    for name in ["fsync", "full_page_writes", "synchronous_commit"] {
        let value: String = sqlx::query_scalar("select current_setting($1)").bind(name).fetch_one(&mut connection).await?;
        durability.push((name, value));
    }
    let has_table = sqlx::query("select 1 where to_regclass('seaql_migrations') is not null").fetch_optional(&mut connection).await?;
    let applied = match has_table {
        Some(_) => Some(sqlx::query_scalar("select version from seaql_migrations order by version").fetch_all(&mut connection).await?),
        None => None,
    };
    let mut doors = vec![Door { key: "database.owner_url", role: Ok(role(&mut connection).await?) }];
    connection.close().await?;
    for (key, url) in [("database.app_url", app), ("database.system_url", system)] {
        if let Some(url) = url {
            doors.push(Door { key, role: behind(url).await.map_err(|error| error.to_string()) });
        }
    }
    let facts = Facts {
        engine: Engine::Postgres,
        version: row.try_get(0)?,
        now: Some(row.try_get(1)?),
        applied,
        connections_max: row.try_get(2)?,
        durability,
        doors,
    };
    Ok(facts)
}

/// The role behind an address of its own.
async fn behind(url: &str) -> Result<Role, StoreError> {
    let mut connection: PgConnection = parse(url)?.connect().await?;
    let role = role(&mut connection).await?;
    connection.close().await?;
    Ok(role)
}

async fn role(connection: &mut PgConnection) -> Result<Role, StoreError> {
    let ask = "select r.rolname::text, r.rolsuper or r.rolbypassrls,
                 (select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
                   where c.relowner = r.oid and c.relkind in ('r', 'p') and n.nspname in ('public', 'auth'))
               from pg_roles r where r.rolname = current_user";
    let row = sqlx::query(ask).fetch_one(connection).await?;
    Ok(Role { name: row.try_get(0)?, passes_policies: row.try_get(1)?, tables_owned: row.try_get(2)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn looking_at_a_file_that_is_not_there_makes_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.db");
        assert!(inspect(&Location::Sqlite(path.clone())).await.expect("an answer").is_none());
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_is_no_database_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.db");
        std::fs::write(&path, "a letter to a friend, and long enough to be taken for a header of something else entirely, perhaps")
            .expect("written");
        assert!(inspect(&Location::Sqlite(path)).await.is_err());
    }
}
