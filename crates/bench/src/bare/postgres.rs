//! The comparison on PostgreSQL: the role, the policies and the batch of the product's tenant door.

use std::str::FromStr as _;

use anyhow::Result;
use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgPool, Postgres, Transaction};
use uuid::Uuid;

use super::customer::{Customer, LIST, inserts, read};
use super::{CONNECTIONS, ROWS};

/// The role that the product makes for its tenant door.
const ROLE: &str = "autorisen_app";

pub struct Rows(PgPool);

impl Rows {
    pub fn open(url: &str) -> Result<Self> {
        let options = PgConnectOptions::from_str(url)?.options([("role", ROLE), ("search_path", "public")]).disable_statement_logging();
        Ok(Self(PgPoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false).connect_lazy_with(options)))
    }

    async fn begin(&self, org: Uuid) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.0.begin_with(AssertSqlSafe(format!("SELECT set_config('app.org_id', '{org}', true); BEGIN"))).await
    }

    pub async fn list(&self, org: Uuid) -> Result<Vec<Customer>, sqlx::Error> {
        let mut tx = self.begin(org).await?;
        let rows = sqlx::query(LIST).bind(org).bind(ROWS).fetch_all(&mut *tx).await?;
        let found = rows.into_iter().map(row).collect();
        tx.commit().await?;
        found
    }

    pub async fn create(&self, org: Uuid, row: &Customer) -> Result<(), sqlx::Error> {
        let mut tx = self.begin(org).await?;
        inserts!(tx, org, row, std::convert::identity);
        tx.commit().await
    }
}

fn row(row: PgRow) -> Result<Customer, sqlx::Error> {
    read!(row, DateTime<Utc>, std::convert::identity)
}
