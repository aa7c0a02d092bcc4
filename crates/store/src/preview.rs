//! A plan in the words of the database: what `migrate up` would run, before it runs.

use sea_orm::sea_query::{PostgresQueryBuilder, SqliteQueryBuilder};

use crate::schema::{Change, Roles};
use crate::{Engine, Location, Plan, Schema, StoreError};

/// One step as SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepText {
    pub name: &'static str,
    pub statements: Vec<StatementText>,
}

/// One statement, or several that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementText {
    pub sql: String,
    /// Why it may lose data or break the version that still runs, if so.
    pub destroys: Option<&'static str>,
}

/// What to look for in a statement, and what it means. A table may be renamed or dropped only when
/// no running version asks for it any more: expand, move, contract.
const DESTRUCTIVE: [(&str, &str); 8] = [
    ("drop table", "drops a table with its rows"),
    ("drop column", "drops a column with its values"),
    ("drop schema", "drops a schema with its tables"),
    ("truncate ", "empties a table"),
    ("delete from", "deletes rows"),
    (" type ", "changes the type of a column: values may not fit, and the table is locked while it is rewritten"),
    ("rename to", "renames: the version that still runs asks for the old name"),
    ("rename column", "renames: the version that still runs asks for the old name"),
];

impl Plan {
    /// The steps among `names`, as they would run on this database.
    pub fn text(&self, location: &Location, names: &[&str]) -> Result<Vec<StepText>, StoreError> {
        let (engine, roles) = match location {
            Location::Sqlite(_) => (Engine::Sqlite, Roles::default()),
            Location::Postgres { app, system, .. } => {
                let roles = Roles::of(app.as_deref(), system.as_deref())?;
                (Engine::Postgres, roles)
            }
        };
        let steps = self.steps().iter().filter(|step| names.contains(&step.name));
        let text = steps.map(|step| {
            let mut schema = Schema::new(engine, roles.clone());
            (step.up)(&mut schema);
            StepText { name: step.name, statements: schema.changes.iter().map(|change| statement(engine, change)).collect() }
        });
        Ok(text.collect())
    }

    /// Every step's name, in order.
    pub fn names(&self) -> Vec<&'static str> {
        self.steps().iter().map(|step| step.name).collect()
    }
}

fn statement(engine: Engine, change: &Change) -> StatementText {
    let sql = match (change, engine) {
        (Change::Create(table), Engine::Sqlite) => table.to_string(SqliteQueryBuilder),
        (Change::Create(table), Engine::Postgres) => table.to_string(PostgresQueryBuilder),
        (Change::Alter(alter), Engine::Sqlite) => alter.to_string(SqliteQueryBuilder),
        (Change::Alter(alter), Engine::Postgres) => alter.to_string(PostgresQueryBuilder),
        (Change::Sql(sql), _) => sql.lines().map(str::trim).collect::<Vec<_>>().join("\n"),
    };
    StatementText { destroys: destroys(&sql), sql }
}

/// Why a statement is destructive, if it is. Cautious: what stands in a text counts, too.
fn destroys(sql: &str) -> Option<&'static str> {
    let lower = sql.to_lowercase();
    // `create table … type text` and a policy `for delete to` lose nothing.
    let is_change = |words: &str| words != " type " || lower.contains("alter column");
    DESTRUCTIVE.iter().find(|(words, _)| lower.contains(words) && is_change(words)).map(|(_, why)| *why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Step;

    #[test]
    fn what_loses_data_is_told() {
        for sql in [
            "drop table x",
            "alter table x DROP COLUMN y",
            "delete from x where true",
            "alter table x alter column y type bigint",
            "alter table x rename to z",
        ] {
            assert!(destroys(sql).is_some(), "{sql}");
        }
        for sql in ["create table x (type text)", "create policy x_delete on x for delete to app", "alter table x add column y text"] {
            assert_eq!(destroys(sql), None, "{sql}");
        }
    }

    #[test]
    fn a_step_is_told_in_the_words_of_its_engine() {
        let step = Step { name: "1_notes", up: |s| s.tenant_table("notes", |_| {}), down: |s| s.drop("notes") };
        let plan = Plan::new(vec![step]);
        let of = |location: &Location| plan.text(location, &["1_notes"]).expect("a text")[0].statements.clone();
        let postgres =
            of(&Location::Postgres { owner: "postgres://a@b/c".into(), app: Some("postgres://tenant@b/c".into()), system: None });
        let all: String = postgres.iter().map(|statement| statement.sql.as_str()).collect::<Vec<_>>().join(";\n");
        for words in ["CREATE TABLE \"notes\"", "to tenant using", "to autorisen_system"] {
            assert!(all.contains(words), "{words} is missing in {all}");
        }
        assert!(postgres.iter().all(|statement| statement.destroys.is_none()), "{postgres:?}");
        assert!(of(&Location::Sqlite("x.db".into())).iter().all(|statement| !statement.sql.contains("policy")));
        assert!(plan.text(&Location::Sqlite("x.db".into()), &[]).expect("a text").is_empty());
    }
}
