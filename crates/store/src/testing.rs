//! Ways past the doors, for tests that prove the guards. Nothing in the program calls them.

use sea_orm::{ConnectionTrait as _, QueryResult, Statement};
use sqlx::AssertSqlSafe;

use crate::store::Database;
use crate::{Store, StoreError, Tx};

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

/// Runs unchecked SQL on the connection of a tenant transaction.
pub async fn tenant_sql(tx: &mut Tx, sql: &str) -> Result<u64, StoreError> {
    Ok(tx.session.execute_raw(Statement::from_string(tx.engine().backend(), sql)).await?.rows_affected())
}

/// Runs unchecked SQL on the connection of a tenant transaction and reads the rows.
pub async fn tenant_rows(tx: &mut Tx, sql: &str) -> Result<Vec<QueryResult>, StoreError> {
    Ok(tx.session.query_all_raw(Statement::from_string(tx.engine().backend(), sql)).await?)
}
