//! One open transaction on one connection: the only thing here that speaks to a database.
//! Nothing outside this crate can name it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{self, Arc, OnceLock, PoisonError};

use chrono::SecondsFormat;
use kernel::crash::{self, Point};
use sea_orm::sea_query::Value;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, FromQueryResult, QueryResult, Statement, Values};
use sea_query_sqlx::SqlxValues;
use sqlx::AssertSqlSafe;
use tokio::sync::{Mutex, OwnedSemaphorePermit};
use uuid::Uuid;

use crate::error::to_db_err;
use crate::late::Late;
use crate::model::{Readable, Reader};
use crate::shelf::Lent;
use crate::sql::Bound;
use crate::testing::{Door, Recorder};
use crate::{Engine, StoreError};

type AfterCommit = Box<dyn FnOnce() + Send + Sync>;

/// The engine's own transaction.
pub(crate) enum Open {
    Sqlite(Lent<sqlx::Sqlite>),
    Postgres(Lent<sqlx::Postgres>),
}

/// A transaction; dropping it rolls back.
pub(crate) struct Session {
    engine: Engine,
    // Dropped before the permit, so that the rollback is under way when the next writer begins.
    open: Mutex<Open>,
    failed: AtomicBool,
    /// Rows that are written before the commit.
    late: sync::Mutex<Late>,
    /// Statements so far, for tests that hold a request to a number of them.
    statements: AtomicU64,
    /// Who is shown each statement, in tests that ask for it.
    watcher: OnceLock<(Door, Arc<Recorder>)>,
    /// What has to be taken back before the connection is anybody's again; a rollback takes it back
    /// by itself.
    before_commit: OnceLock<String>,
    /// What is done in this process once everything is kept.
    after_commit: Vec<AfterCommit>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Session {
    pub(crate) fn new(open: Open, permit: Option<OwnedSemaphorePermit>) -> Self {
        let engine = match open {
            Open::Sqlite(_) => Engine::Sqlite,
            Open::Postgres(_) => Engine::Postgres,
        };
        Self {
            engine,
            open: Mutex::new(open),
            failed: AtomicBool::new(false),
            late: sync::Mutex::default(),
            statements: AtomicU64::new(0),
            watcher: OnceLock::new(),
            before_commit: OnceLock::new(),
            after_commit: Vec::new(),
            permit,
        }
    }

    pub(crate) const fn engine(&self) -> Engine {
        self.engine
    }

    /// Commits. Postgres answers `COMMIT` of a failed transaction with a silent rollback; here it
    /// is an error on both engines.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        self.settle(|_| true).await?;
        if self.failed.load(Ordering::Acquire) {
            return Err(StoreError::Aborted);
        }
        if let Some(sql) = self.before_commit.get() {
            self.execute_unprepared(sql).await?;
        }
        crash::pass(Point::BeforeCommit);
        match self.open.into_inner() {
            Open::Sqlite(t) => t.commit().await?,
            Open::Postgres(t) => t.commit().await?,
        }
        crash::pass(Point::AfterCommit);
        drop(self.permit);
        self.after_commit.into_iter().for_each(|work| work());
        Ok(())
    }

    /// Reads every row.
    pub(crate) async fn all<T: FromQueryResult>(&self, statement: Statement) -> Result<Vec<T>, StoreError> {
        Ok(T::find_by_statement(statement).all(self).await?)
    }

    /// Reads the first row.
    pub(crate) async fn one<T: FromQueryResult>(&self, statement: Statement) -> Result<Option<T>, StoreError> {
        Ok(T::find_by_statement(statement).one(self).await?)
    }

    /// Reads every row of a statement that names an entity's columns in their order.
    pub(crate) async fn models<E: Readable>(&self, statement: Statement) -> Result<Vec<E::Model>, StoreError> {
        let rows = self.query_all_raw(statement).await?;
        let reader = Reader::<E>::new();
        Ok(rows.iter().map(|row| reader.read(row)).collect::<Result<_, _>>()?)
    }

    /// Reads the first row of such a statement.
    pub(crate) async fn model<E: Readable>(&self, statement: Statement) -> Result<Option<E::Model>, StoreError> {
        let row = self.query_one_raw(statement).await?;
        Ok(row.map(|row| Reader::<E>::new().read(&row)).transpose()?)
    }

    /// Counts the rows that changed.
    pub(crate) async fn changed(&self, statement: Statement) -> Result<u64, StoreError> {
        Ok(self.execute_raw(statement).await?.rows_affected())
    }

    /// Whether the database has such a table where this door looks.
    pub(crate) async fn has_table(&self, name: &str) -> Result<bool, StoreError> {
        let sql = match self.engine {
            Engine::Sqlite => "select 1 from sqlite_master where type = 'table' and name = $1",
            Engine::Postgres => "select 1 where to_regclass($1) is not null",
        };
        let asked = Statement::from_sql_and_values(self.engine.backend(), sql, [name.into()]);
        Ok(self.query_one_raw(asked).await?.is_some())
    }

    /// Runs `sql` right before the commit. Only the first call counts.
    pub(crate) fn before_commit(&self, sql: String) {
        self.before_commit.get_or_init(|| sql);
    }

    pub(crate) fn after_commit(&mut self, work: impl FnOnce() + Send + Sync + 'static) {
        self.after_commit.push(Box::new(work));
    }

    /// Keeps a row of a plain insert for the end of the transaction.
    pub(crate) async fn add_late(&self, org: Uuid, row: Bound) -> Result<(), StoreError> {
        let full = self.late.lock().unwrap_or_else(PoisonError::into_inner).add(self.engine, org, row);
        match full {
            Some(statement) => self.changed(statement).await.map(drop),
            None => Ok(()),
        }
    }

    /// Writes what waits for the end of the transaction, as far as its table is `wanted`.
    pub(crate) async fn settle(&self, wanted: impl Fn(&str) -> bool) -> Result<(), StoreError> {
        let due = self.late.lock().unwrap_or_else(PoisonError::into_inner).take(self.engine, wanted);
        for statement in due {
            if self.failed.load(Ordering::Acquire) {
                return Err(StoreError::Aborted);
            }
            self.changed(statement).await?;
        }
        Ok(())
    }

    /// Shows each further statement to `recorder`.
    pub(crate) fn watched_by(&self, door: Door, recorder: &Arc<Recorder>) {
        if recorder.is_awake() {
            self.watcher.get_or_init(|| (door, recorder.clone()));
        }
    }

    pub(crate) fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    fn noted<T>(&self, result: Result<T, sqlx::Error>) -> Result<T, DbErr> {
        result.map_err(|error| {
            self.failed.store(true, Ordering::Release);
            to_db_err(error)
        })
    }
}

/// Times have one form of fixed width at rest on SQLite, so that text sorts as time does.
fn sqlite_args(values: Option<Values>) -> SqlxValues {
    let mut values = values.unwrap_or(Values(Vec::new()));
    for value in &mut values.0 {
        let text = match value {
            Value::ChronoDateTimeUtc(Some(at)) => at.to_rfc3339_opts(SecondsFormat::Micros, true),
            Value::ChronoDateTimeWithTimeZone(Some(at)) => at.to_utc().to_rfc3339_opts(SecondsFormat::Micros, true),
            _ => continue,
        };
        *value = Value::String(Some(text));
    }
    SqlxValues(values)
}

fn postgres_args(values: Option<Values>) -> SqlxValues {
    SqlxValues(values.unwrap_or(Values(Vec::new())))
}

/// Runs one statement on whichever engine is open and turns its answer into SeaORM's.
macro_rules! run {
    ($session:ident, $statement:ident, $method:ident, $convert:expr) => {{
        if let Some((door, watcher)) = $session.watcher.get() {
            watcher.saw(*door, &$statement);
        }
        let sql = AssertSqlSafe($statement.sql);
        $session.statements.fetch_add(1, Ordering::Relaxed);
        let mut open = $session.open.lock().await;
        let result = match &mut *open {
            Open::Sqlite(t) => sqlx::query_with(sql, sqlite_args($statement.values)).$method(&mut **t).await.map($convert),
            Open::Postgres(t) => sqlx::query_with(sql, postgres_args($statement.values)).$method(&mut **t).await.map($convert),
        };
        $session.noted(result)
    }};
}

#[async_trait::async_trait]
impl ConnectionTrait for Session {
    fn get_database_backend(&self) -> DbBackend {
        self.engine.backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        run!(self, statement, execute, ExecResult::from)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        run!(self, statement, fetch_optional, |row| row.map(QueryResult::from))
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        run!(self, statement, fetch_all, |rows| rows.into_iter().map(QueryResult::from).collect())
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let sql = AssertSqlSafe(sql.to_owned());
        let mut open = self.open.lock().await;
        let result = match &mut *open {
            Open::Sqlite(t) => sqlx::raw_sql(sql).execute(&mut **t).await.map(ExecResult::from),
            Open::Postgres(t) => sqlx::raw_sql(sql).execute(&mut **t).await.map(ExecResult::from),
        };
        self.noted(result)
    }
}
