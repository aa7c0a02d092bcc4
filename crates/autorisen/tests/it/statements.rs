//! Every plain statement of the tenant door, run once more as an organization that has nothing.

use kernel::{Actor, OrgId};
use store::testing::{Recorded, Texts, owner_sql, recorded, tenant_sql};
use store::{StoreError, Tx};
use testkit::{TestEngine, engines};

use crate::code::{files, literals_after, pairs_after};
use crate::world::World;

/// Rows that a statement reads must not be of acme, whether `$1` names the stranger (as the door
/// binds it) or, as a bug might, acme itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_plain_statement_shows_a_stranger_nothing() {
    for engine in engines() {
        let world = World::new(engine).await;
        let statements = recorded(&world.app.core.store);
        every_one_was_played(&statements);
        let mut seen_by_acme = 0;
        for statement in statements.iter().filter(|statement| !statement.writes()) {
            seen_by_acme += usize::from(shows(&world, statement, world.acme, world.acme).await);
            for bound in [void(&world), world.acme] {
                assert!(!shows(&world, statement, void(&world), bound).await, "{engine:?}: a stranger reads with {}", statement.sql);
            }
        }
        // Were the recorded values of no use, nobody would see anything.
        assert!(seen_by_acme >= 5, "only {seen_by_acme} statements show acme anything");
        for statement in statements.iter().filter(|statement| statement.writes()) {
            changes_nothing(&world, statement).await;
        }
        without_the_guard(&world, &statements).await;
        world.app.finish().await;
    }
}

/// With the guard down, a bug that binds acme shows acme: were it not so, the walk would prove nothing.
async fn without_the_guard(world: &World, statements: &[Recorded]) {
    let tables = world.app.tables().await;
    let (mut tx, mut leaks) = (stranger(world).await, 0);
    for table in tables.iter().filter(|table| table.is_tenant()) {
        match world.app.engine {
            TestEngine::Sqlite => {
                tenant_sql(&mut tx, &format!("drop view temp.\"{}\"", table.name)).await.expect("the view is there");
            }
            TestEngine::Postgres if table.row_security_forced == Some(true) => {
                let open = format!("alter policy {name}_select on {name} using (true)", name = table.name);
                owner_sql(&world.app.core.store, open).await.expect("the policy is there");
            }
            TestEngine::Postgres => {}
        }
    }
    for statement in statements.iter().filter(|statement| !statement.writes()) {
        let rows = statement.read_as(&mut tx, world.acme).await.expect("it ran before");
        leaks += usize::from(rows.iter().any(|row| !is_void(row)));
    }
    assert!(leaks >= 5, "without the guard only {leaks} statements leak");
}

async fn stranger(world: &World) -> Tx {
    Tx::for_org(&world.app.core.store, void(world), Actor::System("walk")).await.expect("a transaction")
}

/// An organization that has not a single row: whatever it sees is somebody else's.
fn void(world: &World) -> OrgId {
    OrgId::new(world.app.now())
}

/// Whether the statement shows anything but nulls, zeros and emptiness within `org`, with `bound` as
/// its `$1`.
async fn shows(world: &World, statement: &Recorded, org: OrgId, bound: OrgId) -> bool {
    let mut tx = Tx::for_org(&world.app.core.store, org, Actor::System("walk")).await.expect("a transaction");
    let rows = statement.read_as(&mut tx, bound).await.expect("it ran before");
    rows.iter().any(|row| !is_void(row))
}

fn is_void(row: &Texts) -> bool {
    row.iter().all(|(_, value)| value.as_deref().is_none_or(|value| matches!(value, "" | "0" | "false")))
}

/// Acme's rows are the same after a stranger ran the statement and kept what it did.
async fn changes_nothing(world: &World, statement: &Recorded) {
    for bound in [void(world), world.acme] {
        let before = world.app.rows_of(world.acme).await;
        let mut tx = stranger(world).await;
        match statement.write_as(&mut tx, bound).await {
            Ok(_) => drop(tx.commit().await),
            // The guard stopped it; or a row that it refers to is not there for a stranger.
            Err(StoreError::Guard(_) | StoreError::ForeignKey(_) | StoreError::Unique(_)) => drop(tx),
            Err(other) => panic!("{}: {other}", statement.sql),
        }
        world.is_unchanged(&before, &format!("a stranger with {}", statement.sql)).await;
    }
}

/// Each `TenantSql` in the sources ran in the story; one that did not is not checked by anything here.
fn every_one_was_played(statements: &[Recorded]) {
    let played: Vec<String> = statements.iter().map(|statement| words(statement.sql)).collect();
    let mut missing = Vec::new();
    for file in files().iter().filter(|file| file.room != "store") {
        let mut written = pairs_after(&file.text, "TenantSql::per_engine(");
        written.extend(literals_after(&file.text, "TenantSql::both(").into_iter().map(|sql| (sql.clone(), sql)));
        written.retain(|(sqlite, postgres)| !played.contains(&words(sqlite)) && !played.contains(&words(postgres)));
        missing.extend(written.into_iter().map(|(sql, _)| format!("{}: {sql}", file.path)));
    }
    assert!(missing.is_empty(), "the story of acme doesn't run:\n{}", missing.join("\n"));
}

fn words(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ")
}
