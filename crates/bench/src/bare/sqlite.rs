//! The comparison on SQLite: the product's pragmas, one writer behind a permit, several readers.

use chrono::{DateTime, SecondsFormat, Utc};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::customer::{Customer, LIST, inserts, read};
use super::{CONNECTIONS, ROWS};

pub struct Rows {
    write: SqlitePool,
    read: SqlitePool,
    turn: Semaphore,
}

impl Rows {
    pub fn open(path: &str) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("temp_store", "memory");
        let pool = |most: u32| SqlitePoolOptions::new().max_connections(most).test_before_acquire(false).max_lifetime(None);
        Self {
            write: pool(1).connect_lazy_with(options.clone()),
            read: pool(CONNECTIONS).connect_lazy_with(options.pragma("query_only", "1")),
            turn: Semaphore::new(1),
        }
    }

    pub async fn list(&self, org: Uuid) -> Result<Vec<Customer>, sqlx::Error> {
        let mut tx = self.read.begin_with("BEGIN DEFERRED").await?;
        let rows = sqlx::query(LIST).bind(org).bind(ROWS).fetch_all(&mut *tx).await?;
        let found = rows.into_iter().map(row).collect();
        tx.commit().await?;
        found
    }

    pub async fn create(&self, org: Uuid, row: &Customer) -> Result<(), sqlx::Error> {
        let _turn = self.turn.acquire().await.map_err(|_| sqlx::Error::PoolClosed)?;
        let mut tx = self.write.begin_with("BEGIN IMMEDIATE").await?;
        inserts!(tx, org, row, text);
        tx.commit().await
    }
}

fn text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn row(row: SqliteRow) -> Result<Customer, sqlx::Error> {
    read!(row, DateTime<Utc>, std::convert::identity)
}
