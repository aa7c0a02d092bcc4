//! Ways past the doors, for tests that prove the guards. Nothing in the program calls them.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use chrono::{DateTime, NaiveDate, Utc};
use kernel::{Actor, OrgId};
use sea_orm::{ConnectionTrait as _, DbErr, QueryResult, Statement, TryGetable};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::session::Session;
use crate::sql::Bound;
use crate::store::Database;
use crate::{Engine, Store, StoreError, Tx};

/// One row with each column's name and its value as text; `None` is null.
pub type Texts = Vec<(String, Option<String>)>;

/// Runs SQL as the owner of the tables, outside any guard: to drop a policy, to look at the truth.
pub async fn owner_sql(store: &Store, sql: impl Into<String>) -> Result<u64, StoreError> {
    let sql = AssertSqlSafe(sql.into());
    Ok(match store.database() {
        Database::Sqlite(files) => sqlx::raw_sql(sql).execute(&files.owner_pool()).await?.rows_affected(),
        Database::Postgres(servers) => sqlx::raw_sql(sql).execute(&servers.owner_pool()).await?.rows_affected(),
    })
}

/// Runs SQL as the owner and reads the rows.
pub async fn owner_rows(store: &Store, sql: impl Into<String>) -> Result<Vec<QueryResult>, StoreError> {
    let sql = AssertSqlSafe(sql.into());
    Ok(match store.database() {
        Database::Sqlite(files) => sqlx::query(sql).fetch_all(&files.owner_pool()).await?.into_iter().map(Into::into).collect(),
        Database::Postgres(servers) => sqlx::query(sql).fetch_all(&servers.owner_pool()).await?.into_iter().map(Into::into).collect(),
    })
}

/// As [`owner_rows`], every value as text.
pub async fn owner_texts(store: &Store, sql: impl Into<String>) -> Result<Vec<Texts>, StoreError> {
    Ok(owner_rows(store, sql).await?.iter().map(texts).collect())
}

/// Runs unchecked SQL on the connection of a tenant transaction.
pub async fn tenant_sql(tx: &mut Tx, sql: &str) -> Result<u64, StoreError> {
    tx.session.settle(|_| true).await?;
    Ok(tx.session.execute_raw(Statement::from_string(tx.engine().backend(), sql)).await?.rows_affected())
}

/// Runs unchecked SQL on the connection of a tenant transaction and reads the rows.
pub async fn tenant_rows(tx: &mut Tx, sql: &str) -> Result<Vec<QueryResult>, StoreError> {
    tx.session.settle(|_| true).await?;
    Ok(tx.session.query_all_raw(Statement::from_string(tx.engine().backend(), sql)).await?)
}

/// As [`tenant_rows`], every value as text.
pub async fn tenant_texts(tx: &mut Tx, sql: &str) -> Result<Vec<Texts>, StoreError> {
    Ok(tenant_rows(tx, sql).await?.iter().map(texts).collect())
}

/// Keeps what runs once a test asks for it: the plain statements of the tenant door, how many
/// statements of any kind each of its transactions took, and every statement of either door.
#[derive(Default)]
pub(crate) struct Recorder(OnceLock<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    plain: BTreeMap<&'static str, Bound>,
    committed: Vec<(String, u64)>,
    all: BTreeMap<(Door, String), Statement>,
}

/// Through which door a statement came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Door {
    Tenant,
    System,
}

impl Recorder {
    pub(crate) fn is_awake(&self) -> bool {
        self.0.get().is_some()
    }

    pub(crate) fn saw(&self, door: Door, statement: &Statement) {
        if let Some(kept) = self.0.get() {
            kept.lock().unwrap_or_else(PoisonError::into_inner).all.insert((door, statement.sql.clone()), statement.clone());
        }
    }

    pub(crate) fn note(&self, engine: Engine, bound: &Bound) {
        if let Some(kept) = self.0.get() {
            kept.lock().unwrap_or_else(PoisonError::into_inner).plain.insert(bound.text(engine), bound.clone());
        }
    }

    pub(crate) fn committed(&self, actor: Actor, statements: u64) {
        if let Some(kept) = self.0.get() {
            kept.lock().unwrap_or_else(PoisonError::into_inner).committed.push((actor.to_string(), statements));
        }
    }
}

/// Who committed a transaction of the tenant door since [`record`], and how many statements it took
/// besides its beginning and its end; in order.
pub fn committed(store: &Store) -> Vec<(String, u64)> {
    let Some(kept) = store.recorder().0.get() else { return Vec::new() };
    kept.lock().unwrap_or_else(PoisonError::into_inner).committed.clone()
}

/// Begins to keep each plain statement of the tenant door with the values that it ran with last.
pub fn record(store: &Store) {
    store.recorder().0.get_or_init(Mutex::default);
}

/// What ran since [`record`].
pub fn recorded(store: &Store) -> Vec<Recorded> {
    let Some(kept) = store.recorder().0.get() else { return Vec::new() };
    let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    kept.plain.iter().map(|(sql, bound)| Recorded { sql, bound: bound.clone() }).collect()
}

/// A plain statement that ran, with its last values.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub sql: &'static str,
    bound: Bound,
}

impl Recorded {
    /// Whether it changes rows.
    pub fn writes(&self) -> bool {
        self.bound.writes()
    }

    /// Reads with it once more, in another transaction, with `org` in place of the organization that
    /// the door would bind.
    pub async fn read_as(&self, tx: &mut Tx, org: OrgId) -> Result<Vec<Texts>, StoreError> {
        let statement = self.bound.clone().statement(tx.engine(), org.uuid());
        Ok(tx.session.query_all_raw(statement).await?.iter().map(texts).collect())
    }

    /// Writes with it once more, as [`Recorded::read_as`]; counts the rows that it changed.
    pub async fn write_as(&self, tx: &mut Tx, org: OrgId) -> Result<u64, StoreError> {
        let statement = self.bound.clone().statement(tx.engine(), org.uuid());
        Ok(tx.session.execute_raw(statement).await?.rows_affected())
    }
}

/// Each statement that ran since [`record`], plain or built, and how the database goes about it: a line
/// for each thing that it would do. On PostgreSQL, reading a whole table is the last thing that it
/// thinks of.
pub async fn plans(store: &Store, org: OrgId) -> Result<Vec<(Door, String, Vec<String>)>, StoreError> {
    let Some(kept) = store.recorder().0.get() else { return Ok(Vec::new()) };
    let all = kept.lock().unwrap_or_else(PoisonError::into_inner).all.clone();
    let mut plans = Vec::new();
    for ((door, sql), statement) in all {
        let plan = match door {
            Door::Tenant => plan(&Tx::for_org(store, org, Actor::System("plans")).await?.session, statement).await?,
            Door::System => plan(&store.system_session().await?, statement).await?,
        };
        plans.push((door, sql, plan));
    }
    Ok(plans)
}

async fn plan(session: &Session, mut statement: Statement) -> Result<Vec<String>, StoreError> {
    let (ask, column) = match session.engine() {
        Engine::Sqlite => ("explain query plan", "detail"),
        Engine::Postgres => {
            session.execute_unprepared("set local enable_seqscan = off").await?;
            ("explain", "QUERY PLAN")
        }
    };
    statement.sql = format!("{ask} {}", statement.sql);
    let rows = session.query_all_raw(statement).await?;
    Ok(rows.iter().filter_map(|row| text(row, column)).collect())
}

fn texts(row: &QueryResult) -> Texts {
    let columns = row.column_names().into_iter();
    columns
        .map(|column| {
            let value = text(row, &column);
            (column, value)
        })
        .collect()
}

/// The value as text, whatever its type is on this engine.
fn text(row: &QueryResult, column: &str) -> Option<String> {
    fn shown<T: TryGetable + ToString>(row: &QueryResult, column: &str) -> Result<Option<String>, DbErr> {
        Ok(row.try_get_by::<Option<T>, _>(column)?.map(|value| value.to_string()))
    }
    shown::<i64>(row, column)
        .or_else(|_| shown::<i32>(row, column))
        .or_else(|_| shown::<String>(row, column))
        .or_else(|_| shown::<Uuid>(row, column))
        .or_else(|_| shown::<bool>(row, column))
        .or_else(|_| shown::<f64>(row, column))
        .or_else(|_| shown::<DateTime<Utc>>(row, column))
        .or_else(|_| shown::<NaiveDate>(row, column))
        .or_else(|_| shown::<serde_json::Value>(row, column))
        .unwrap_or_else(|_| Some(format!("a value of {column} that no reader knows")))
}
