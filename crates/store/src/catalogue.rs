//! What the database says about itself, for the tests that walk over every table.

use sea_orm::{ConnectionTrait as _, FromQueryResult, QueryResult, Statement};

use crate::{Engine, Store, StoreError};

/// One table as it really is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableFacts {
    pub name: String,
    pub columns: Vec<ColumnFacts>,
    pub indexes: Vec<IndexFacts>,
    pub foreign_keys: Vec<ForeignKeyFacts>,
    /// Whether row-level security is enabled and forced; `None` on SQLite, which builds it per connection.
    pub row_security_forced: Option<bool>,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct ColumnFacts {
    pub name: String,
    pub kind: String,
    pub not_null: bool,
}

/// One index, the primary key among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexFacts {
    pub name: String,
    pub unique: bool,
    pub columns: Vec<String>,
}

/// One foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKeyFacts {
    pub columns: Vec<String>,
    pub table: String,
    pub references: Vec<String>,
}

impl TableFacts {
    pub fn column(&self, name: &str) -> Option<&ColumnFacts> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether its rows belong to organizations.
    pub fn is_tenant(&self) -> bool {
        self.column("org_id").is_some()
    }

    /// Whether its rows are written once.
    pub fn is_append_only(&self) -> bool {
        self.is_tenant() && self.column("updated_at").is_none()
    }

    /// Whether an index begins with these columns.
    pub fn has_index(&self, columns: &[&str]) -> bool {
        self.indexes.iter().any(|index| index.columns.len() >= columns.len() && index.columns.iter().zip(columns).all(|(a, b)| a == b))
    }
}

impl Store {
    /// Every table with its columns, indexes and foreign keys, by name.
    pub async fn catalogue(&self) -> Result<Vec<TableFacts>, StoreError> {
        let reader = Reader { session: self.system_session().await?, queries: Queries::of(self.engine()) };
        let mut tables = Vec::new();
        for row in reader.rows(reader.queries.tables, None).await? {
            let name: String = row.try_get_by("name")?;
            tables.push(TableFacts {
                columns: reader.columns(&name).await?,
                indexes: reader.indexes(&name).await?,
                foreign_keys: reader.foreign_keys(&name).await?,
                row_security_forced: row.try_get_by("forced")?,
                name,
            });
        }
        reader.session.commit().await?;
        Ok(tables)
    }
}

struct Reader {
    session: crate::session::Session,
    queries: &'static Queries,
}

impl Reader {
    async fn rows(&self, sql: &'static str, table: Option<&str>) -> Result<Vec<QueryResult>, StoreError> {
        let values = table.map(|table| table.to_owned().into());
        let statement = Statement::from_sql_and_values(self.session.engine().backend(), sql, values);
        Ok(self.session.query_all_raw(statement).await?)
    }

    async fn columns(&self, table: &str) -> Result<Vec<ColumnFacts>, StoreError> {
        let rows = self.rows(self.queries.columns, Some(table)).await?;
        rows.iter().map(|row| ColumnFacts::from_query_result(row, "").map_err(Into::into)).collect()
    }

    /// The rows are one per index and column, in order.
    async fn indexes(&self, table: &str) -> Result<Vec<IndexFacts>, StoreError> {
        let mut indexes: Vec<IndexFacts> = Vec::new();
        for row in self.rows(self.queries.indexes, Some(table)).await? {
            let name: String = row.try_get_by("name")?;
            // An expression in an index has no column's name.
            let column = row.try_get_by::<Option<String>, _>("column_name")?.unwrap_or_default();
            match indexes.last_mut().filter(|last| last.name == name) {
                Some(last) => last.columns.push(column),
                None => indexes.push(IndexFacts { name, unique: row.try_get_by("is_unique")?, columns: vec![column] }),
            }
        }
        Ok(indexes)
    }

    /// The rows are one per foreign key and column, in order.
    async fn foreign_keys(&self, table: &str) -> Result<Vec<ForeignKeyFacts>, StoreError> {
        let mut keys: Vec<(i64, ForeignKeyFacts)> = Vec::new();
        for row in self.rows(self.queries.foreign_keys, Some(table)).await? {
            let id: i64 = row.try_get_by("id")?;
            let (column, reference) = (row.try_get_by("column_name")?, row.try_get_by("references_name")?);
            match keys.last_mut().filter(|(last, _)| *last == id) {
                Some((_, last)) => {
                    last.columns.push(column);
                    last.references.push(reference);
                }
                None => keys.push((
                    id,
                    ForeignKeyFacts { columns: vec![column], table: row.try_get_by("table_name")?, references: vec![reference] },
                )),
            }
        }
        Ok(keys.into_iter().map(|(_, key)| key).collect())
    }
}

struct Queries {
    tables: &'static str,
    columns: &'static str,
    indexes: &'static str,
    foreign_keys: &'static str,
}

impl Queries {
    const fn of(engine: Engine) -> &'static Self {
        match engine {
            Engine::Sqlite => &SQLITE,
            Engine::Postgres => &POSTGRES,
        }
    }
}

const SQLITE: Queries = Queries {
    tables: "select name, cast(null as boolean) as forced from sqlite_master
              where type = 'table' and name not like 'sqlite_%' and name <> 'seaql_migrations' order by name",
    columns: "select name, type as kind, (\"notnull\" or pk > 0) as not_null from pragma_table_info($1) order by cid",
    indexes: "select l.name, l.\"unique\" as is_unique, i.name as column_name
                from pragma_index_list($1) l, pragma_index_info(l.name) i order by l.name, i.seqno",
    foreign_keys: "select id, \"from\" as column_name, \"table\" as table_name, ifnull(\"to\", 'id') as references_name
                     from pragma_foreign_key_list($1) order by id, seq",
};

const POSTGRES: Queries = Queries {
    tables: "select c.relname::text as name, c.relrowsecurity and c.relforcerowsecurity as forced
               from pg_class c join pg_namespace n on n.oid = c.relnamespace
              where c.relkind = 'r' and n.nspname in ('public', 'auth') and c.relname <> 'seaql_migrations' order by c.relname",
    columns: "select a.attname::text as name, format_type(a.atttypid, a.atttypmod) as kind, a.attnotnull as not_null
                from pg_attribute a where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped order by a.attnum",
    indexes: "select i.relname::text as name, x.indisunique as is_unique, a.attname::text as column_name
                from pg_index x join pg_class i on i.oid = x.indexrelid
                cross join lateral unnest(x.indkey::int2[]) with ordinality as k(attnum, place)
                left join pg_attribute a on a.attrelid = x.indrelid and a.attnum = k.attnum
               where x.indrelid = to_regclass($1) order by i.relname, k.place",
    foreign_keys:
        "select k.oid::bigint as id, a.attname::text as column_name, t.relname::text as table_name, r.attname::text as references_name
                     from pg_constraint k
                     cross join lateral unnest(k.conkey, k.confkey) with ordinality as c(mine, theirs, place)
                     join pg_class t on t.oid = k.confrelid
                     join pg_attribute a on a.attrelid = k.conrelid and a.attnum = c.mine
                     join pg_attribute r on r.attrelid = k.confrelid and r.attnum = c.theirs
                    where k.contype = 'f' and k.conrelid = to_regclass($1) order by k.oid, c.place",
};
