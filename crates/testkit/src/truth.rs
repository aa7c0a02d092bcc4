//! What is really in the database, read by the owner of the tables: past both doors.

use kernel::OrgId;
use store::TableFacts;
use store::testing::owner_texts;

use crate::app::TestApp;
use crate::engine::TestEngine;

/// One row of a table, its columns as text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    pub table: String,
    pub text: String,
}

impl TestApp {
    /// Every row of every table.
    pub async fn all_rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for table in self.tables().await {
            rows.extend(self.rows(&table, "").await);
        }
        rows
    }

    /// Every row that belongs to an organization.
    pub async fn rows_of(&self, org: OrgId) -> Vec<Row> {
        let mut rows = Vec::new();
        for table in self.tables().await.iter().filter(|table| table.is_tenant()) {
            rows.extend(self.rows(table, &format!(" where org_id = {}", self.literal(org.uuid()))).await);
        }
        rows
    }

    /// Every table as it really is.
    pub async fn tables(&self) -> Vec<TableFacts> {
        self.core.store.catalogue().await.expect("the catalogue is readable")
    }

    /// An id as SQL writes it.
    pub fn literal(&self, id: uuid::Uuid) -> String {
        match self.engine {
            TestEngine::Sqlite => format!("x'{}'", id.simple()),
            TestEngine::Postgres => format!("'{id}'"),
        }
    }

    async fn rows(&self, table: &TableFacts, filter: &str) -> Vec<Row> {
        let text = match self.engine {
            TestEngine::Sqlite => {
                let columns: Vec<_> = table.columns.iter().map(|column| format!("quote(\"{}\")", column.name)).collect();
                columns.join(" || '|' || ")
            }
            TestEngine::Postgres => "t::text".to_owned(),
        };
        let sql = format!("select {text} as row from {} t{filter} order by 1", table.name);
        let found = owner_texts(&self.core.store, sql).await.expect("the owner reads every table");
        let row = |mut columns: Vec<(String, Option<String>)>| columns.pop().and_then(|(_, text)| text).unwrap_or_default();
        found.into_iter().map(|columns| Row { table: table.name.clone(), text: row(columns) }).collect()
    }
}
