//! Rows that are written right before the commit, all of a table in one statement.
//!
//! Each change of anything leaves a line of the audit trail, an event in the outbox and a line in
//! somebody's timeline. Nothing reads them before the commit, and one statement for three rows costs
//! what one for a single row does: a change of thread on SQLite, a round trip on Postgres. Whoever does
//! read the table in the same transaction finds them there, because they are written before.

use std::fmt::Write as _;

use sea_orm::{Statement, Value};
use uuid::Uuid;

use crate::Engine;
use crate::sql::Bound;

/// Rows in one statement. Each number of rows is a text of its own for the database to prepare, so
/// there should not be many; no request writes more of one kind.
const ROWS_MAX: usize = 16;

/// The rows of one insert that wait.
struct Table {
    text: &'static str,
    name: &'static str,
    org: Uuid,
    rows: Vec<Vec<Value>>,
}

/// What waits, in the order in which each table was first written to.
#[derive(Default)]
pub(crate) struct Late(Vec<Table>);

impl Late {
    /// Takes a row; gives the statement that has to run now, because there are as many as go into one.
    pub(crate) fn add(&mut self, engine: Engine, org: Uuid, row: Bound) -> Option<Statement> {
        let text = row.text(engine);
        debug_assert!(text.ends_with(&places(row.len())), "a late row is `insert into t (org_id, …) values ($1, $2, …)`: {text}");
        let at = self.0.iter().position(|table| table.text == text && table.org == org).unwrap_or_else(|| {
            self.0.push(Table { text, name: row.table(engine), org, rows: Vec::new() });
            self.0.len() - 1
        });
        self.0[at].rows.push(row.into_values());
        (self.0[at].rows.len() == ROWS_MAX).then(|| self.0.remove(at).statement(engine))
    }

    /// Takes out the tables that `wanted` names.
    pub(crate) fn take(&mut self, engine: Engine, wanted: impl Fn(&str) -> bool) -> Vec<Statement> {
        let (now, later) = std::mem::take(&mut self.0).into_iter().partition(|table| wanted(table.name));
        self.0 = later;
        let now: Vec<Table> = now;
        now.into_iter().map(|table| table.statement(engine)).collect()
    }
}

impl Table {
    /// `insert into t (…) values ($1, $2, $3), ($1, $4, $5)`: the organization is the same for all.
    fn statement(self, engine: Engine) -> Statement {
        let head = self.text.find("values").map_or(self.text, |at| &self.text[..at]);
        let mut sql = head.replacen(self.name, &own(engine, self.name), 1);
        sql.push_str("values ");
        let mut values = vec![Value::from(self.org)];
        for row in self.rows {
            sql.push_str(if values.len() == 1 { "($1" } else { ", ($1" });
            for value in row {
                values.push(value);
                let _ = write!(sql, ", ${}", values.len());
            }
            sql.push(')');
        }
        Statement::from_sql_and_values(engine.backend(), sql, values)
    }
}

/// On SQLite a write names the table itself; reads meet the guard's view of the same name.
fn own(engine: Engine, table: &str) -> String {
    match engine {
        Engine::Sqlite => format!("main.{table}"),
        Engine::Postgres => table.to_owned(),
    }
}

/// `values ($1, $2, $3)` for an organization and two values.
fn places(values: usize) -> String {
    let places: Vec<String> = (1..=values + 1).map(|place| format!("${place}")).collect();
    format!("values ({})", places.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TenantSql;

    const NOTE: TenantSql = TenantSql::both("insert into notes (org_id, id, body) values ($1, $2, $3)");
    const LINE: TenantSql = TenantSql::both("insert into lines (org_id, text) values ($1, $2)");

    #[test]
    fn rows_of_a_table_become_one_statement_with_the_organization_once() {
        let mut late = Late::default();
        for (id, body) in [(1, "a"), (2, "b")] {
            assert!(late.add(Engine::Sqlite, Uuid::nil(), NOTE.bind(id).bind(body)).is_none());
        }
        assert!(late.add(Engine::Sqlite, Uuid::nil(), LINE.bind("c")).is_none());
        let all = late.take(Engine::Sqlite, |_| true);
        assert_eq!(all[0].sql, "insert into main.notes (org_id, id, body) values ($1, $2, $3), ($1, $4, $5)");
        assert_eq!(all[0].values.as_ref().map(|values| values.0.len()), Some(5));
        assert_eq!(all[1].sql, "insert into main.lines (org_id, text) values ($1, $2)");
        assert!(late.take(Engine::Sqlite, |_| true).is_empty());
    }

    #[test]
    fn a_table_that_is_read_is_written_alone_and_a_full_one_at_once() {
        let mut late = Late::default();
        assert!(late.add(Engine::Postgres, Uuid::nil(), LINE.bind("c")).is_none());
        let full = (0..ROWS_MAX).filter_map(|_| late.add(Engine::Postgres, Uuid::nil(), NOTE.bind(1).bind("a"))).count();
        assert_eq!(full, 1);
        assert!(late.take(Engine::Postgres, |table| table == "notes").is_empty(), "they were written");
        assert_eq!(late.take(Engine::Postgres, |table| table == "lines")[0].sql, "insert into lines (org_id, text) values ($1, $2)");
    }
}
