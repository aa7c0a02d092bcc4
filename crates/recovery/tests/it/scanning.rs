//! What is looked for often is found by an index, however much there is beside it.

use store::testing::{owner_sql, owner_texts, record, recorded, tenant_texts};
use testkit::{TestApp, TestEngine};

use crate::modules;

/// Enough rows that a database which has an index prefers it to reading all.
const ROWS: u32 = 20_000;

/// The plan of a statement, in the database's own words, with values in place of its numbers.
async fn plan(app: &TestApp, sql: &str) -> String {
    let far = "'2027-03-02T09:00:00.000000Z'";
    let bound = sql
        .replace("$3", far)
        .replace("$2", if sql.contains("limit $2") { "100" } else { far })
        .replace("$1", "'2026-03-02T09:00:00.000000Z'");
    let explain = match app.engine {
        TestEngine::Sqlite => "explain query plan",
        TestEngine::Postgres => "explain",
    };
    let rows = owner_texts(&app.core.store, format!("{explain} {bound}")).await.expect("the database explains it");
    rows.into_iter().flatten().filter_map(|(_, text)| text).collect::<Vec<_>>().join("\n")
}

/// Runs that are open and not due for a year.
async fn fill(app: &TestApp) {
    let numbers = match app.engine {
        TestEngine::Sqlite => {
            format!("with recursive n(i) as (select 1 union all select i + 1 from n where i < {ROWS}) select randomblob(16)")
        }
        TestEngine::Postgres => format!("with n(i) as (select generate_series(1, {ROWS})) select gen_random_uuid()"),
    };
    let (json, now, due) = match app.engine {
        TestEngine::Sqlite => ("'{}'", "'2026-03-02T09:00:00.000000Z'", "'2028-03-02T09:00:00.000000Z'"),
        TestEngine::Postgres => ("'{}'::jsonb", "'2026-03-02T09:00:00Z'::timestamptz", "'2028-03-02T09:00:00Z'::timestamptz"),
    };
    let insert = format!(
        "insert into flow_runs (id, created_at, updated_at, version, workflow, workflow_version, dedupe_key, input, state, due_at, started_at, attempt, fence)
         {numbers}, {now}, {now}, 1, 'story.sleeps', 1, 'n' || i, {json}, 'open', {due}, {now}, 0, 0 from n"
    );
    owner_sql(&app.core.store, insert).await.expect("the rows go in");
    owner_sql(&app.core.store, "analyze").await.expect("the database counts its rows");
}

/// Whether a plan reads a table from one end to the other.
fn reads_all(plan: &str, table: &str) -> bool {
    plan.contains(&format!("Seq Scan on {table}")) || plan.lines().any(|line| line.trim() == format!("SCAN {table}"))
}

testkit::stories! {
    async fn the_scan_for_due_work_never_reads_what_is_not_due(app: TestApp) {
        fill(app).await;
        for (name, sql) in flows::scans(app.core.store.engine()) {
            let plan = plan(app, sql).await;
            assert!(!reads_all(&plan, "flow_runs"), "{name}: {plan}");
            assert!(plan.contains("flow_runs_due_at_idx") || plan.contains("flow_runs_lease_until_idx"), "{name}: {plan}");
        }
        owner_sql(&app.core.store, "delete from flow_runs where workflow = 'story.sleeps'").await.expect("gone");
    }

    async fn a_cohort_is_counted_from_its_index(app: TestApp) {
        let (clerk, connection) = crate::stage(app).await;
        crate::failed(app, &connection, "pm_a", &["stolen_card"]).await;
        record(&app.core.store);
        clerk.get("/v1/analytics/summary").await.expect(200);
        let counting = recorded(&app.core.store).into_iter().find(|one| one.sql.contains("sum(c.messages_sent)")).expect("it ran");
        // Few rows are read as quickly without an index: the question is whether it can be used.
        let mut tx = crate::money::tx(app).await;
        let org = format!("org_id = {}", app.literal(tx.org().uuid()));
        let sql = counting.sql.replace("org_id = $1", &org).replace("$2", "'2026-03-01T00:00:00.000000Z'").replace("$3", "'2026-04-01T00:00:00.000000Z'");
        let explain = match app.engine {
            TestEngine::Sqlite => format!("explain query plan {sql}"),
            TestEngine::Postgres => {
                tenant_texts(&mut tx, "set local enable_seqscan = off").await.expect("set");
                format!("explain {sql}")
            }
        };
        let rows = tenant_texts(&mut tx, &explain).await.expect("the database explains it");
        let plan = rows.into_iter().flatten().filter_map(|(_, text)| text).collect::<Vec<_>>().join("\n");
        assert!(plan.contains("cases_cohort_idx") && !reads_all(&plan, "cases"), "{plan}");
        app.expect_mail();
    }
}
