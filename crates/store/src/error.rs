//! What can go wrong below a query, in terms that both engines share.

use kernel::{Failed, Failure, General};
use sea_orm::{DbErr, RuntimeErr, SqlErr};
use sqlx::error::DatabaseError;

/// Seconds that a caller is asked to wait while the database is away.
const RETRY_AFTER_S: u64 = 2;

/// A failed statement, transaction or migration.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database can't be reached, or no connection came free in time.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The row changed since it was read, or is gone.
    #[error("the row was changed by someone else")]
    Conflict,
    /// A unique index refused the row; the text names the index or its columns, never values.
    #[error("not unique: {0}")]
    Unique(String),
    /// The row refers to one that is not there, or is still referred to.
    #[error("a foreign key does not hold: {0}")]
    ForeignKey(String),
    /// The database's own isolation guard stopped the statement: a bug of ours that was caught.
    #[error("the tenant guard stopped a statement: {0}")]
    Guard(String),
    /// The rights that the caller was given are no longer current: read them anew.
    #[error("the rights are no longer current")]
    StaleRights,
    /// The disk is full.
    #[error("the disk of the database is full")]
    Full,
    /// A lock, the writer's permit or the statement itself took too long.
    #[error("the database took too long")]
    TimedOut,
    /// A statement failed earlier, so that nothing of this transaction can be kept.
    #[error("a statement of this transaction failed before; it can't be committed")]
    Aborted,
    /// A write was asked of a transaction that was begun for reading.
    #[error("this transaction only reads")]
    ReadOnly,
    /// The schema, the roles or the migrations are not as they must be; the text says what to do.
    #[error("{0}")]
    Schema(String),
    /// A text holds a character that the database can't keep, such as U+0000.
    #[error("a text holds a character that can't be kept")]
    Text,
    /// A sealed field can't be opened: another master key, another label, or damaged text.
    #[error("a sealed field can't be opened")]
    Sealed,
    /// The database ended this transaction in favour of a competing one: a deadlock, or a failed
    /// serialization. Nothing was kept, and the same again mostly succeeds.
    #[error("the database ended this transaction in favour of a competing one: {0}")]
    Contended(String),
    /// The database would work, but not safely; the text says what is wrong and how to mend it.
    #[error("{0}")]
    Unsafe(String),
    /// Anything else.
    #[error(transparent)]
    Db(DbErr),
}

impl StoreError {
    /// Whether this is the refusal of a unique index over `column` of `table`.
    pub fn violates(&self, table: &str, column: &str) -> bool {
        let Self::Unique(what) = self else { return false };
        // SQLite lists `table.column, table.column`; Postgres names the constraint.
        let listed = format!("{table}.{column}");
        let by_name = || {
            what.strip_prefix(table).is_some_and(|rest| {
                let rest = format!("{rest}_");
                rest.contains(&format!("_{column}_")) || (column == "id" && rest == "_pkey_")
            })
        };
        what.split(", ").any(|part| part == listed) || by_name()
    }

    /// Whether a connection that had died in the pool is the likely reason, so that another one
    /// may succeed at once.
    pub(crate) fn is_dead_connection(error: &sqlx::Error) -> bool {
        match error {
            sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed | sqlx::Error::BeginFailed => true,
            // The server says that it is shutting down, was killed, or starts up.
            sqlx::Error::Database(e) => matches!(e.code().as_deref(), Some("57P01" | "57P02" | "57P03" | "08006" | "08003" | "25P03")),
            _ => false,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        to_db_err(error).into()
    }
}

/// Keeps the driver's error inside, so that `sql_err` and the codes stay readable.
pub(crate) fn to_db_err(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(std::sync::Arc::new(error)))
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match &error {
            DbErr::RecordNotUpdated => return Self::Conflict,
            DbErr::ConnectionAcquire(e) => return Self::Unavailable(e.to_string()),
            _ => {}
        }
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(text)) => return Self::Unique(unique_detail(&error, &text)),
            Some(SqlErr::ForeignKeyConstraintViolation(text)) => return Self::ForeignKey(text),
            _ => {}
        }
        match driver_error(&error) {
            Some(sqlx::Error::Database(e)) => by_code(e.as_ref()).unwrap_or(Self::Db(error)),
            Some(
                e @ (sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::Protocol(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::BeginFailed),
            ) => Self::Unavailable(e.to_string()),
            _ => Self::Db(error),
        }
    }
}

fn driver_error(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(e)) | DbErr::Exec(RuntimeErr::SqlxError(e)) | DbErr::Query(RuntimeErr::SqlxError(e)) => Some(e),
        _ => None,
    }
}

/// The constraint's name where the engine gives one, else its columns; both without values.
fn unique_detail(error: &DbErr, text: &str) -> String {
    let constraint = match driver_error(error) {
        Some(sqlx::Error::Database(e)) => e.constraint(),
        _ => None,
    };
    constraint.unwrap_or_else(|| text.trim_start_matches("UNIQUE constraint failed: ")).to_owned()
}

fn by_code(error: &dyn DatabaseError) -> Option<StoreError> {
    let code = error.code()?;
    let message = error.message();
    if message.contains("stale rights") {
        return Some(StoreError::StaleRights);
    }
    if message.contains("tenant guard") {
        return Some(StoreError::Guard(message.to_owned()));
    }
    if error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
        sqlite_code(&code, message)
    } else {
        postgres_code(&code, message)
    }
}

/// <https://www.sqlite.org/rescode.html>: the low byte is the primary code.
fn sqlite_code(code: &str, message: &str) -> Option<StoreError> {
    let code: u32 = code.parse().ok()?;
    match (code, code & 0xff) {
        // A foreign key with RESTRICT reports like a trigger.
        (1811, _) if message.contains("FOREIGN KEY") => Some(StoreError::ForeignKey(message.to_owned())),
        (_, 5 | 6) => Some(StoreError::TimedOut),
        (_, 13) => Some(StoreError::Full),
        (_, 10 | 14) => Some(StoreError::Unavailable(message.to_owned())),
        _ => None,
    }
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn postgres_code(code: &str, message: &str) -> Option<StoreError> {
    match code {
        "42501" => Some(StoreError::Guard(message.to_owned())),
        "40001" | "40P01" => Some(StoreError::Contended(message.to_owned())),
        "55P03" | "57014" => Some(StoreError::TimedOut),
        "53100" => Some(StoreError::Full),
        "22021" | "22P05" => Some(StoreError::Text),
        "23001" => Some(StoreError::ForeignKey(message.to_owned())),
        "53300" | "57P01" | "57P02" | "57P03" | "25P03" | "3D000" => Some(StoreError::Unavailable(message.to_owned())),
        _ if code.starts_with("08") || code.starts_with("28") => Some(StoreError::Unavailable(message.to_owned())),
        _ => None,
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let failure = match &error {
            StoreError::Unavailable(_) | StoreError::Full => Failure::new(General::DependencyUnavailable).retry_after(RETRY_AFTER_S),
            StoreError::Conflict => Failure::new(General::Conflict),
            StoreError::Contended(_) => {
                let sentence = "Somebody else was changing the same things at this moment, so nothing of this was kept. Send it again.";
                Failure::new(General::DependencyUnavailable).with_message(sentence).retry_after(1)
            }
            StoreError::Guard(_) => Failure::new(General::TenantGuard),
            StoreError::Text => {
                Failure::new(General::ValidationFailed).with_message("A text holds a character that can't be kept, such as U+0000.")
            }
            StoreError::StaleRights => Failure::new(General::NotAuthenticated),
            StoreError::TimedOut => Failure::new(General::TimedOut).retry_after(RETRY_AFTER_S),
            _ => Failure::new(General::Internal),
        };
        failure.with_cause(error)
    }
}

impl<F> From<StoreError> for Failed<F> {
    fn from(error: StoreError) -> Self {
        Failure::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unique_refusal_names_table_and_column_on_both_engines() {
        let sqlite = StoreError::Unique("customers.org_id, customers.email_normal".into());
        let postgres = StoreError::Unique("customers_org_id_email_normal_key".into());
        for error in [sqlite, postgres] {
            assert!(error.violates("customers", "email_normal"));
            assert!(!error.violates("customers", "name"));
            assert!(!error.violates("members", "email_normal"));
        }
        assert!(StoreError::Unique("accounts_pkey".into()).violates("accounts", "id"));
        assert!(!StoreError::Conflict.violates("customers", "email_normal"));
    }

    #[test]
    fn each_error_reaches_the_caller_as_its_own_code() {
        let code = |e: StoreError| Failure::from(e).code;
        assert_eq!(code(StoreError::Conflict), "conflict");
        assert_eq!(code(StoreError::Guard(String::new())), "tenant_guard");
        assert_eq!(code(StoreError::Aborted), "internal");
        let busy = Failure::from(StoreError::Contended(String::new()));
        assert_eq!((busy.status, busy.retry_after_s), (503, Some(1)));
        let away = Failure::from(StoreError::Unavailable(String::new()));
        assert_eq!((away.code, away.retry_after_s), ("dependency_unavailable", Some(2)));
        assert_eq!(Failure::from(StoreError::Full).status, 503);
    }

    #[test]
    fn codes_of_both_engines_mean_the_same() {
        assert!(matches!(sqlite_code("517", ""), Some(StoreError::TimedOut)));
        assert!(matches!(sqlite_code("13", ""), Some(StoreError::Full)));
        assert!(matches!(sqlite_code("1811", "FOREIGN KEY constraint failed"), Some(StoreError::ForeignKey(_))));
        assert!(matches!(postgres_code("53100", ""), Some(StoreError::Full)));
        assert!(matches!(postgres_code("40P01", ""), Some(StoreError::Contended(_))));
        assert!(matches!(postgres_code("42501", ""), Some(StoreError::Guard(_))));
    }
}
