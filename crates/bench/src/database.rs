//! The databases of a measurement: a file in a temporary folder, or a throw-away Postgres that writes
//! as durably as one in production.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use testkit::ThrowawayPostgres;

use crate::process;

/// Which engine a row is measured on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// A Postgres server of this run, with its data on disk and its writes flushed.
pub struct Server(ThrowawayPostgres);

impl Server {
    pub fn start() -> Result<Self> {
        ThrowawayPostgres::start_durable().map(Self).map_err(|why| anyhow::anyhow!("no Postgres here: {why}"))
    }

    /// The process that all others of the server belong to.
    pub fn process(&self) -> Result<u32> {
        let file = self.0.folder().join("data/postmaster.pid");
        let text = std::fs::read_to_string(&file).with_context(|| format!("{}", file.display()))?;
        Ok(text.lines().next().context("an empty postmaster.pid")?.trim().parse()?)
    }
}

/// One database, empty at first.
pub enum Database<'s> {
    Sqlite(PathBuf),
    Postgres { server: &'s Server, url: String },
}

impl<'s> Database<'s> {
    /// A fresh one; SQLite's file lies in `folder`.
    pub async fn fresh(engine: Engine, folder: &Path, server: Option<&'s Server>) -> Result<Self> {
        match engine {
            Engine::Sqlite => Ok(Self::Sqlite(folder.join("autorisen.db"))),
            Engine::Postgres => {
                let server = server.context("the plan starts a server for this engine")?;
                Ok(Self::Postgres { server, url: server.0.database().await? })
            }
        }
    }

    pub const fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres { .. } => Engine::Postgres,
        }
    }

    /// As the product's `DATABASE_URL`.
    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
            Self::Postgres { url, .. } => url.clone(),
        }
    }

    /// CPU time of the database's own processes; SQLite has none.
    pub fn cpu(&self) -> Result<Duration> {
        match self {
            Self::Sqlite(_) => Ok(Duration::ZERO),
            Self::Postgres { server, .. } => process::cpu_of_family(server.process()?),
        }
    }

    /// Runs statements as somebody whom no policy holds.
    pub async fn run(&self, sqlite: &str, postgres: &str) -> Result<()> {
        match self {
            Self::Sqlite(path) => {
                let options = SqliteConnectOptions::new().filename(path).foreign_keys(false).busy_timeout(Duration::from_mins(1));
                let mut connection = SqliteConnection::connect_with(&options).await?;
                sqlx::raw_sql(AssertSqlSafe(sqlite.to_owned())).execute(&mut connection).await?;
                connection.close().await?;
            }
            Self::Postgres { server, url } => {
                let mut options = sqlx::postgres::PgConnectOptions::from_str(&server.0.url)?;
                let own = sqlx::postgres::PgConnectOptions::from_str(url)?;
                options = options.database(own.get_database().context("an address with a database")?);
                let mut connection = PgConnection::connect_with(&options.options([("search_path", "public,auth")])).await?;
                sqlx::raw_sql(AssertSqlSafe(postgres.to_owned())).execute(&mut connection).await?;
                connection.close().await?;
            }
        }
        Ok(())
    }

    /// Lets the planner know what the tables hold, as it does in a server that has run for a while.
    pub async fn settle(&self) -> Result<()> {
        self.run("analyze", "vacuum analyze").await
    }
}
