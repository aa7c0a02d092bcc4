//! SQLite: a compact copy from one read transaction, while writers go on.

use std::collections::BTreeMap;
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, SqliteConnection};

use super::{BackupError, Copied};
use crate::migrate::APPLIED;
use crate::sqlite::Files;

/// Damage is listed up to here; one line would be enough to distrust the file.
const PROBLEMS_MAX: usize = 10;

pub(super) async fn copy(files: &Files, to: &Path) -> Result<Copied, BackupError> {
    let owner = files.owner_pool();
    let into = to.to_str().ok_or_else(|| BackupError::failed("the folder's name is not UTF-8"))?;
    sqlx::query("vacuum into ?").bind(into).execute(&owner).await?;
    owner.close().await;
    let mut copy = connect(to).await?;
    let copied = facts(&mut copy).await?;
    copy.close().await?;
    Ok(copied)
}

/// What is in a file that nobody else has open.
pub(super) async fn inspect(path: &Path) -> Result<Copied, BackupError> {
    let mut file = connect(path).await?;
    let mut problems: Vec<String> = sqlx::query_scalar("pragma integrity_check").fetch_all(&mut file).await?;
    problems.retain(|line| line != "ok");
    for (table, parent) in
        sqlx::query_as::<_, (String, String)>("select \"table\", parent from pragma_foreign_key_check").fetch_all(&mut file).await?
    {
        problems.push(format!("a row of {table} refers to one of {parent} that is not there"));
    }
    if !problems.is_empty() {
        problems.truncate(PROBLEMS_MAX);
        return Err(BackupError::failed(format!("the copy is damaged: {}", problems.join("; "))));
    }
    let copied = facts(&mut file).await?;
    file.close().await?;
    Ok(copied)
}

/// Changes a file that nobody else has open.
pub(super) async fn run(path: &Path, statements: &[String]) -> Result<(), BackupError> {
    // Without a log of its own, which would have to move along with the file.
    let options = SqliteConnectOptions::new().filename(path).journal_mode(SqliteJournalMode::Delete).disable_statement_logging();
    let mut file = options.connect().await?;
    for statement in statements {
        sqlx::query(AssertSqlSafe(statement.as_str())).execute(&mut file).await?;
    }
    Ok(file.close().await?)
}

/// Read as it lies there, without a log beside it.
async fn connect(path: &Path) -> Result<SqliteConnection, BackupError> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true).immutable(true).disable_statement_logging();
    Ok(options.connect().await?)
}

async fn facts(connection: &mut SqliteConnection) -> Result<Copied, BackupError> {
    let names = "select name from sqlite_master where type = 'table' and name not like 'sqlite\\_%' escape '\\' order by name";
    let names: Vec<String> = sqlx::query_scalar(names).fetch_all(&mut *connection).await?;
    let mut tables = BTreeMap::new();
    for name in names {
        let count = format!("select count(*) from \"{}\"", name.replace('"', "\"\""));
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(&mut *connection).await?;
        tables.insert(name, u64::try_from(rows).unwrap_or(0));
    }
    let applied = format!("select version from {APPLIED} order by version");
    let steps = if tables.contains_key(APPLIED) {
        sqlx::query_scalar(AssertSqlSafe(applied)).fetch_all(&mut *connection).await?
    } else {
        Vec::new()
    };
    let engine_version = sqlx::query_scalar("select sqlite_version()").fetch_one(&mut *connection).await?;
    Ok(Copied { engine_version, steps, tables, roles: None })
}
