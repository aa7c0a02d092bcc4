//! How the databases go about every statement of a day: a plan that reads what it doesn't need is fast
//! in every test and slow for the first customer who has much.

use store::testing::plans;
use testkit::{TestEngine, engines};

use crate::world::World;

/// What may be read as a whole, and why.
const WHOLE: [(&str, &str); 2] =
    [("flow_schedules", "a handful, the same for everybody"), ("dev_mailbox", "development keeps a thousand letters")];
/// Of which all rows of an organization may be gone through for one of them, and why.
const FEW: [(&str, &str); 2] =
    [("payment_connections", "an organization has a handful"), ("cases", "a connection that is mended looks at the open ones alone")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_statement_reads_more_than_it_needs() {
    for engine in engines() {
        let world = World::new(engine).await;
        let tables: Vec<String> = world.app.tables().await.into_iter().map(|table| table.name).collect();
        let (mut seen, mut wrong) = (0, Vec::new());
        for (door, sql, plan) in plans(&world.app.core.store, world.acme).await.expect("they ran before") {
            seen += 1;
            let found = plan.iter().filter(|line| match engine {
                TestEngine::Sqlite => reads_all(line, "SCAN ", &tables) || (asks_for_one(&sql) && goes_through_all(line)),
                TestEngine::Postgres => reads_all(line, "Seq Scan on ", &tables),
            });
            wrong.extend(found.map(|line| format!("{door:?} {sql}\n    {}", line.trim())));
        }
        assert!(seen > 150, "{engine:?}: only {seen} statements ran");
        assert!(wrong.is_empty(), "{engine:?}:\n{}", wrong.join("\n"));
        world.app.finish().await;
    }
}

/// Whether a line of a plan is about reading one of our tables from its beginning to its end.
fn reads_all(line: &str, words: &str, tables: &[String]) -> bool {
    let Some((_, rest)) = line.split_once(words) else { return false };
    let name = rest.split([' ', '(']).next().unwrap_or_default().trim_start_matches("main.");
    tables.iter().any(|table| table == name) && WHOLE.iter().all(|(table, _)| *table != name)
}

/// Whether a statement names a value beside the organization that a row has to have.
fn asks_for_one(sql: &str) -> bool {
    let condition = sql.to_lowercase().replace('"', "");
    let Some((before, condition)) = condition.split_once(" where ") else { return false };
    // What an insert looks up is about rows that refer to it.
    let tests = condition.split(" and ").filter(|test| !test.contains("org_id") && !test.contains("? = ?"));
    !before.starts_with("insert") && tests.into_iter().any(|test| [" = ?", " = $", " in (?"].iter().any(|sign| test.contains(sign)))
}

/// Whether SQLite finds rows by the organization and at most a span, so that it reads all of them. (On
/// PostgreSQL every index of a table without figures about it costs the same, so that its choice tells
/// nothing.)
fn goes_through_all(line: &str) -> bool {
    let Some(name) = line.strip_prefix("SEARCH ").and_then(|rest| rest.split(' ').next()) else { return false };
    let Some((_, terms)) = line.rsplit_once('(') else { return false };
    let is_few = FEW.iter().any(|(table, _)| *table == name.trim_start_matches("main."));
    terms.starts_with("org_id=?") && !terms["org_id=?".len()..].contains("=?") && !is_few
}
