//! What a migration step may do: tables that bring their guards with them.

pub(crate) mod tables;

use std::fmt::Write as _;

use sea_orm::sea_query::{
    Alias, ColumnDef, Expr, ForeignKey, ForeignKeyAction, Index, IntoIden as _, Table, TableAlterStatement, TableCreateStatement,
};

use crate::Engine;

/// Postgres cuts longer names silently, and then two of them may be the same.
const NAME_MAX: usize = 63;
/// The organization that the tenant door has pinned. The sub-select is evaluated once for a
/// statement, so that the comparison can use an index; an unset tenant is an error.
const PINNED: &str = "org_id = (select current_setting('app.org_id')::uuid)";

/// The database roles of the two doors; empty on SQLite.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roles {
    pub(crate) app: String,
    pub(crate) system: String,
}

pub(crate) enum Change {
    Create(Box<TableCreateStatement>),
    Alter(Box<TableAlterStatement>),
    Sql(String),
}

/// Collects the changes of one step.
pub struct Schema {
    engine: Engine,
    roles: Roles,
    pub(crate) changes: Vec<Change>,
}

impl Schema {
    pub(crate) const fn new(engine: Engine, roles: Roles) -> Self {
        Self { engine, roles, changes: Vec::new() }
    }

    pub const fn engine(&self) -> Engine {
        self.engine
    }

    /// A table of an organization's rows. Adds `id`, `org_id`, `created_at`, `updated_at`,
    /// `version`, the key `(org_id, id)` that others refer to, the index of lists
    /// `(org_id, created_at, id)`, and on Postgres the policies and grants.
    pub fn tenant_table(&mut self, name: &'static str, columns: impl FnOnce(&mut TableCreateStatement)) {
        self.org_table(name, ColumnDef::new("org_id").uuid().not_null(), columns);
    }

    /// As [`Schema::tenant_table`], but a row may also belong to the platform: its `org_id` is
    /// null, and only the system door sees it.
    pub fn shared_table(&mut self, name: &'static str, columns: impl FnOnce(&mut TableCreateStatement)) {
        self.org_table(name, ColumnDef::new("org_id").uuid().null(), columns);
    }

    fn org_table(&mut self, name: &'static str, org: &mut ColumnDef, columns: impl FnOnce(&mut TableCreateStatement)) {
        let mut table = Table::create();
        table.table(Alias::new(name)).col(ColumnDef::new("id").uuid().not_null().primary_key()).col(org);
        columns(&mut table);
        created(&mut table);
        changing(&mut table);
        table.index(Index::create().unique().name(index_name(name, &["org_id", "id"], "key")).col("org_id").col("id"));
        self.changes.push(Change::Create(Box::new(table)));
        self.index(name, &["org_id", "created_at", "id"]);
        self.protect(name, &["select", "insert", "update", "delete"]);
    }

    /// A table of an organization's rows that are written once: `id`, `org_id`, `created_at`. The
    /// tenant door can neither change nor delete them.
    pub fn append_only_table(&mut self, name: &'static str, columns: impl FnOnce(&mut TableCreateStatement)) {
        let mut table = Table::create();
        table
            .table(Alias::new(name))
            .col(ColumnDef::new("id").uuid().not_null().primary_key())
            .col(ColumnDef::new("org_id").uuid().not_null());
        created(&mut table);
        columns(&mut table);
        table.index(Index::create().unique().name(index_name(name, &["org_id", "id"], "key")).col("org_id").col("id"));
        self.changes.push(Change::Create(Box::new(table)));
        self.index(name, &["org_id", "created_at", "id"]);
        self.protect(name, &["select", "insert"]);
    }

    /// A table of the platform: `id`, `created_at`, `updated_at`, `version`. Only the system door
    /// reaches it; on Postgres it stands in a schema that the tenant door has no right to.
    pub fn platform_table(&mut self, name: &'static str, columns: impl FnOnce(&mut TableCreateStatement)) {
        let mut table = Table::create();
        match self.engine {
            Engine::Sqlite => table.table(Alias::new(name)),
            Engine::Postgres => table.table((Alias::new("auth"), Alias::new(name))),
        };
        table.col(ColumnDef::new("id").uuid().not_null().primary_key());
        columns(&mut table);
        created(&mut table);
        changing(&mut table);
        self.changes.push(Change::Create(Box::new(table)));
        let system = self.roles.system.clone();
        self.sql(Engine::Postgres, format!("grant select, insert, update, delete on {name} to {system}"));
    }

    /// Row-level security with one policy for each command, and grants for both doors.
    fn protect(&mut self, table: &str, verbs: &[&str]) {
        let Roles { app, system } = self.roles.clone();
        let mut sql = format!("alter table {table} enable row level security; alter table {table} force row level security; ");
        for verb in verbs {
            let rule = match *verb {
                "insert" => format!("with check ({PINNED})"),
                "update" => format!("using ({PINNED}) with check ({PINNED})"),
                _ => format!("using ({PINNED})"),
            };
            let _ = write!(sql, "create policy {table}_{verb} on {table} for {verb} to {app} {rule}; ");
        }
        // The owner is bound by `force` too: without a policy of its own, a backfill in a later
        // migration would see no row and say nothing.
        let _ = write!(
            sql,
            "create policy {table}_system on {table} to {system}, current_user using (true) with check (true);
             grant {} on {table} to {app}; grant select, insert, update, delete on {table} to {system}",
            verbs.join(", ")
        );
        self.sql(Engine::Postgres, sql);
    }

    /// An index.
    pub fn index(&mut self, table: &str, columns: &[&str]) {
        self.make_index("index", table, columns, "idx", "");
    }

    /// A unique index. Its name lists the columns, which [`StoreError::violates`](crate::StoreError::violates) reads.
    pub fn unique(&mut self, table: &str, columns: &[&str]) {
        self.make_index("unique index", table, columns, "key", "");
    }

    /// A unique index over the rows that meet a condition.
    pub fn unique_where(&mut self, table: &str, columns: &[&str], condition: &str) {
        self.make_index("unique index", table, columns, "key", &format!(" where {condition}"));
    }

    /// An index over the rows that meet a condition: for scans of what is due.
    pub fn index_where(&mut self, table: &str, columns: &[&str], condition: &str) {
        self.make_index("index", table, columns, "idx", &format!(" where {condition}"));
    }

    fn make_index(&mut self, kind: &str, table: &str, columns: &[&str], suffix: &str, condition: &str) {
        let name = index_name(table, columns, suffix);
        self.changes.push(Change::Sql(format!("create {kind} {name} on {table} ({}){condition}", columns.join(", "))));
    }

    /// Changes a table.
    pub fn alter(&mut self, alter: &mut TableAlterStatement) {
        self.changes.push(Change::Alter(Box::new(alter.take())));
    }

    /// Adds a column. In a table that has rows it must be nullable or have a default.
    pub fn add_column(&mut self, table: &str, column: ColumnDef) {
        self.alter(Table::alter().table(Alias::new(table)).add_column(column));
    }

    /// Removes a table with everything on it.
    pub fn drop(&mut self, table: &str) {
        self.changes.push(Change::Sql(format!("drop table {table}")));
    }

    /// Takes an index away that [`Schema::index`] or its like made.
    pub fn drop_index(&mut self, name: &str) {
        self.changes.push(Change::Sql(format!("drop index {name}")));
    }

    /// Plain SQL for one engine.
    pub fn sql(&mut self, engine: Engine, sql: impl Into<String>) {
        if engine == self.engine {
            self.changes.push(Change::Sql(sql.into()));
        }
    }
}

fn created(table: &mut TableCreateStatement) {
    table.col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null());
}

fn changing(table: &mut TableCreateStatement) {
    table
        .col(ColumnDef::new("updated_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("version").integer().not_null().default(1));
}

fn index_name(table: &str, columns: &[&str], suffix: &str) -> String {
    // A column may carry a direction: `created_at desc`.
    let words: Vec<&str> = columns.iter().map(|column| column.split_whitespace().next().unwrap_or(column)).collect();
    let name = format!("{table}_{}_{suffix}", words.join("_"));
    assert!(name.len() <= NAME_MAX, "the index name `{name}` has more than {NAME_MAX} characters; Postgres would cut it");
    name
}

/// Parts of a table that the rooms' migrations share.
pub trait TableParts {
    /// `column` refers to a row of `table` in the same organization: `(org_id, column)` to
    /// `(org_id, id)`, so that a reference can't cross the wall between tenants. The table's own
    /// `column` is to be added besides.
    fn references(&mut self, column: &str, table: &str, on_delete: ForeignKeyAction) -> &mut Self;

    /// `column` refers to a row of a platform table.
    fn references_platform(&mut self, column: &str, table: &str, on_delete: ForeignKeyAction) -> &mut Self;

    /// `column` holds one of `values`.
    fn one_of(&mut self, column: &str, values: &[&str]) -> &mut Self;
}

impl TableParts for TableCreateStatement {
    fn references(&mut self, column: &str, table: &str, on_delete: ForeignKeyAction) -> &mut Self {
        let mut key = ForeignKey::create();
        key.from_col("org_id").from_col(Alias::new(column)).to_tbl(Alias::new(table)).to_col("org_id").to_col("id");
        self.foreign_key(key.on_delete(on_delete))
    }

    fn references_platform(&mut self, column: &str, table: &str, on_delete: ForeignKeyAction) -> &mut Self {
        let mut key = ForeignKey::create();
        key.from_col(Alias::new(column)).to_tbl(Alias::new(table)).to_col("id");
        self.foreign_key(key.on_delete(on_delete))
    }

    fn one_of(&mut self, column: &str, values: &[&str]) -> &mut Self {
        let column = Alias::new(column).into_iden();
        self.check(sea_orm::sea_query::ExprTrait::is_in(Expr::col(column), values.iter().copied()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(schema: &Schema) -> String {
        let sql = |change: &Change| match change {
            Change::Create(table) => match schema.engine {
                Engine::Sqlite => table.to_string(sea_orm::sea_query::SqliteQueryBuilder),
                Engine::Postgres => table.to_string(sea_orm::sea_query::PostgresQueryBuilder),
            },
            Change::Alter(_) => String::new(),
            Change::Sql(sql) => sql.clone(),
        };
        schema.changes.iter().map(sql).collect::<Vec<_>>().join(";\n")
    }

    fn notes(engine: Engine) -> String {
        let mut schema = Schema::new(engine, Roles { app: "app".into(), system: "system".into() });
        schema.tenant_table("notes", |t| {
            t.col(crate::columns::uuid("customer_id"))
                .col(crate::columns::text("state"))
                .references("customer_id", "customers", ForeignKeyAction::Cascade)
                .one_of("state", &["open", "closed"]);
        });
        sql(&schema)
    }

    #[test]
    fn a_tenant_table_brings_its_columns_keys_and_guards() {
        let postgres = notes(Engine::Postgres);
        for part in [
            "\"version\" integer NOT NULL DEFAULT 1",
            "FOREIGN KEY (\"org_id\", \"customer_id\") REFERENCES \"customers\" (\"org_id\", \"id\") ON DELETE CASCADE",
            "CHECK (\"state\" IN ('open', 'closed'))",
            "create index notes_org_id_created_at_id_idx on notes (org_id, created_at, id)",
            "force row level security",
            "create policy notes_update on notes for update to app using",
            "create policy notes_system on notes to system, current_user",
        ] {
            assert!(postgres.contains(part), "{part} is missing in\n{postgres}");
        }
        let sqlite = notes(Engine::Sqlite);
        assert!(sqlite.contains("FOREIGN KEY") && !sqlite.contains("policy"), "{sqlite}");
    }

    #[test]
    fn an_append_only_table_can_be_read_and_added_to() {
        let mut schema = Schema::new(Engine::Postgres, Roles { app: "app".into(), system: "system".into() });
        schema.append_only_table("lines", |_| {});
        let sql = sql(&schema);
        assert!(sql.contains("grant select, insert on lines to app"), "{sql}");
        assert!(!sql.contains("lines_update") && !sql.contains("updated_at"), "{sql}");
    }
}
