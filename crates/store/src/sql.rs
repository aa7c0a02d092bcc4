//! Plain SQL, where a hot path or a dialect needs it. The text is a constant, is checked when it
//! is compiled, and takes its values only as binds.

use sea_orm::{Statement, Value};
use uuid::Uuid;

use crate::{Engine, StoreError};

/// A statement of the tenant door. `$1` is always the organization and is bound by the door;
/// further values follow as `$2`, `$3` and so on, on both engines.
///
/// ```
/// # use store::TenantSql;
/// const TOP: TenantSql = TenantSql::both("select name from customers where org_id = $1 and quantity > $2");
/// let bound = TOP.bind(3);
/// ```
///
/// Forgetting the organization does not compile:
/// ```compile_fail
/// const ALL: store::TenantSql = store::TenantSql::both("select name from customers");
/// ```
/// Nor does naming SQLite's schema, which would go past the guard's views:
/// ```compile_fail
/// const ALL: store::TenantSql = store::TenantSql::both("select name from main.customers where org_id = $1");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct TenantSql {
    sqlite: &'static str,
    postgres: &'static str,
}

impl TenantSql {
    /// One text for both engines.
    pub const fn both(sql: &'static str) -> Self {
        Self::per_engine(sql, sql)
    }

    /// A text for each engine.
    pub const fn per_engine(sqlite: &'static str, postgres: &'static str) -> Self {
        check_tenant(sqlite.as_bytes());
        check_tenant(postgres.as_bytes());
        Self { sqlite, postgres }
    }

    /// Binds the next value, beginning at `$2`.
    pub fn bind(self, value: impl Into<Value>) -> Bound {
        Bound::from(self).bind(value)
    }

    /// The text that an engine runs.
    pub const fn text(&self, engine: Engine) -> &'static str {
        match engine {
            Engine::Sqlite => self.sqlite,
            Engine::Postgres => self.postgres,
        }
    }
}

/// A [`TenantSql`] with its values.
#[derive(Debug, Clone)]
#[must_use]
pub struct Bound {
    sql: TenantSql,
    values: Vec<Value>,
}

impl Bound {
    /// Binds the next value.
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    pub(crate) fn writes(&self) -> bool {
        write_target(self.sql.sqlite).is_some()
    }

    pub(crate) const fn text(&self, engine: Engine) -> &'static str {
        self.sql.text(engine)
    }

    /// The table that it writes to; empty for a read.
    pub(crate) fn table(&self, engine: Engine) -> &'static str {
        let text = self.sql.text(engine);
        let Some(at) = write_target(text) else { return "" };
        let end = text[at..].bytes().position(|byte| !is_word(byte)).map_or(text.len(), |len| at + len);
        &text[at..end]
    }

    /// How many values are bound.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn into_values(self) -> Vec<Value> {
        self.values
    }

    pub(crate) fn statement(self, engine: Engine, org: Uuid) -> Statement {
        let mut values = Vec::with_capacity(self.values.len() + 1);
        values.push(Value::from(org));
        values.extend(self.values);
        let text = self.sql.text(engine);
        match (engine, write_target(text)) {
            // Reads go through the guard's view of the same name; only a write names the table.
            (Engine::Sqlite, Some(at)) => {
                Statement::from_sql_and_values(engine.backend(), format!("{}main.{}", &text[..at], &text[at..]), values)
            }
            _ => Statement::from_sql_and_values(engine.backend(), text, values),
        }
    }
}

impl From<TenantSql> for Bound {
    fn from(sql: TenantSql) -> Self {
        Self { sql, values: Vec::new() }
    }
}

/// A statement of the system door; values begin at `$1`.
#[derive(Debug, Clone, Copy)]
pub struct SystemSql {
    sqlite: &'static str,
    postgres: &'static str,
}

impl SystemSql {
    /// One text for both engines.
    pub const fn both(sql: &'static str) -> Self {
        Self::per_engine(sql, sql)
    }

    /// A text for each engine.
    pub const fn per_engine(sqlite: &'static str, postgres: &'static str) -> Self {
        check_single(sqlite.as_bytes());
        check_single(postgres.as_bytes());
        Self { sqlite, postgres }
    }

    /// Binds the next value, beginning at `$1`.
    pub fn bind(self, value: impl Into<Value>) -> SystemBound {
        SystemBound::from(self).bind(value)
    }

    /// The text that an engine runs.
    pub const fn text(&self, engine: Engine) -> &'static str {
        match engine {
            Engine::Sqlite => self.sqlite,
            Engine::Postgres => self.postgres,
        }
    }
}

/// A [`SystemSql`] with its values.
#[derive(Debug, Clone)]
#[must_use]
pub struct SystemBound {
    sql: SystemSql,
    values: Vec<Value>,
}

impl SystemBound {
    /// Binds the next value.
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    pub(crate) fn writes(&self) -> bool {
        write_target(self.sql.sqlite).is_some()
    }

    pub(crate) fn statement(self, engine: Engine) -> Statement {
        Statement::from_sql_and_values(engine.backend(), self.sql.text(engine), self.values)
    }
}

impl From<SystemSql> for SystemBound {
    fn from(sql: SystemSql) -> Self {
        Self { sql, values: Vec::new() }
    }
}

/// Refuses a write in a transaction that was begun for reading: on SQLite the connection itself
/// would, and both engines should behave alike.
pub(crate) fn refuse_write(reads_only: bool, writes: bool) -> Result<(), StoreError> {
    if reads_only && writes { Err(StoreError::ReadOnly) } else { Ok(()) }
}

/// Where the name of the table stands that a statement writes to; `None` for a read.
/// A leading `with` is skipped by counting parentheses.
fn write_target(sql: &str) -> Option<usize> {
    let bytes = sql.as_bytes();
    let (mut at, mut depth, mut quoted) = (0, 0i32, false);
    let mut verb: Option<&str> = None;
    while at < bytes.len() {
        match bytes[at] {
            b'\'' => quoted = !quoted,
            _ if quoted => {}
            b'(' => depth += 1,
            b')' => depth -= 1,
            letter if depth == 0 && letter.is_ascii_alphabetic() => {
                let end = at + bytes[at..].iter().position(|b| !is_word(*b)).unwrap_or(bytes.len() - at);
                let word = sql[at..end].to_ascii_lowercase();
                verb = match (verb, word.as_str()) {
                    (None, "select") => return None,
                    (None, "update") => return Some(skip_space(bytes, end)),
                    (None, "insert" | "replace") => Some("into"),
                    (None, "delete") => Some("from"),
                    (Some(wanted), found) if wanted == found => return Some(skip_space(bytes, end)),
                    (verb, _) => verb,
                };
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

fn skip_space(bytes: &[u8], from: usize) -> usize {
    from + bytes[from..].iter().take_while(|b| b.is_ascii_whitespace()).count()
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

const fn check_tenant(sql: &[u8]) {
    check_single(sql);
    assert!(binds_org(sql), "a tenant statement names its organization: `org_id = $1` or `values ($1, …`");
    assert!(!names_schema(sql, b"main"), "a tenant statement does not name `main.`: that goes past the guard's views");
    assert!(!names_schema(sql, b"temp"), "a tenant statement does not touch the guard's own tables in `temp.`");
    assert!(!has(sql, b"set_config"), "a tenant statement does not change the pinned organization");
    assert!(!has(sql, b"app.org_id"), "a tenant statement does not touch the pinned organization");
}

const fn check_single(sql: &[u8]) {
    assert!(!has(sql, b";"), "one statement at a time, without a semicolon");
    assert!(!has(sql, b"--") && !has(sql, b"/*"), "a comment could hide what the check looks for; write it in Rust");
}

/// `org_id = $1`, `values ($1,` or `select $1,`, where the number ends after the one.
const fn binds_org(sql: &[u8]) -> bool {
    has_then(sql, b"org_id = $1", false) || has_then(sql, b"values ($1", true) || has_then(sql, b"select $1", true)
}

/// Whether `needle` occurs, followed by a comma if `comma`, else by anything but a digit.
const fn has_then(hay: &[u8], needle: &[u8], comma: bool) -> bool {
    let mut at = 0;
    while at + needle.len() <= hay.len() {
        if matches_at(hay, needle, at) {
            let end = at + needle.len();
            let followed = end < hay.len();
            let fits = if comma { followed && hay[end] == b',' } else { !followed || !hay[end].is_ascii_digit() };
            if fits {
                return true;
            }
        }
        at += 1;
    }
    false
}

const fn has(hay: &[u8], needle: &[u8]) -> bool {
    let mut at = 0;
    while at + needle.len() <= hay.len() {
        if matches_at(hay, needle, at) {
            return true;
        }
        at += 1;
    }
    false
}

const fn matches_at(hay: &[u8], needle: &[u8], at: usize) -> bool {
    let mut place = 0;
    while place < needle.len() {
        if !hay[at + place].eq_ignore_ascii_case(&needle[place]) {
            return false;
        }
        place += 1;
    }
    true
}

/// Whether `schema` occurs as a whole word that is followed by a point, quoted or not.
const fn names_schema(sql: &[u8], schema: &[u8]) -> bool {
    let mut at = 0;
    while at + schema.len() <= sql.len() {
        if matches_at(sql, schema, at) && (at == 0 || !is_word(sql[at - 1])) {
            let mut end = at + schema.len();
            while end < sql.len() && matches!(sql[end], b'"' | b'`' | b']' | b'\'' | b' ' | b'\n' | b'\t') {
                end += 1;
            }
            if end < sql.len() && sql[end] == b'.' {
                return true;
            }
        }
        at += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(sql: &str) -> Option<&str> {
        write_target(sql).map(|at| sql[at..].split_whitespace().next().unwrap_or(""))
    }

    #[test]
    fn the_table_of_a_write_is_found() {
        assert_eq!(target("update customers set name = $2 where org_id = $1"), Some("customers"));
        assert_eq!(target("INSERT OR IGNORE INTO  notes (org_id) values ($1)"), Some("notes"));
        assert_eq!(target("delete from notes where org_id = $1"), Some("notes"));
        assert_eq!(
            target("with old as (select id from notes where org_id = $1) delete from notes where id in (select id from old)"),
            Some("notes")
        );
        assert_eq!(target("select * from customers where org_id = $1"), None);
        assert_eq!(target("with x as (select 1 where 'update (' = '') select * from customers where org_id = $1"), None);
    }

    #[test]
    fn a_write_names_the_table_and_a_read_goes_through_the_view() {
        const CHANGE: TenantSql = TenantSql::both("update customers set name = $2 where org_id = $1");
        let sql = |engine| CHANGE.bind("x").statement(engine, Uuid::nil()).sql;
        assert_eq!(sql(Engine::Sqlite), "update main.customers set name = $2 where org_id = $1");
        assert_eq!(sql(Engine::Postgres), "update customers set name = $2 where org_id = $1");
    }

    #[test]
    fn the_check_sees_through_case_quotes_and_numbers() {
        assert!(binds_org(b"select 1 where org_id = $1"));
        assert!(!binds_org(b"select 1 where org_id = $10"));
        assert!(binds_org(b"insert into notes (org_id, body) values ($1, $2)"));
        assert!(names_schema(b"select * from MAIN.customers", b"main"));
        assert!(names_schema(b"select * from \"main\".customers", b"main"));
        assert!(!names_schema(b"select domain.name from domain", b"main"));
    }
}
