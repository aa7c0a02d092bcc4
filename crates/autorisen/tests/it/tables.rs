//! Every table: what it must have, and that a stranger sees and changes nothing in it, by the
//! database's own guard (the statements here are plain and carry no filter); with that guard down the
//! leak must show, or the walk would prove nothing.

use kernel::Actor;
use store::testing::{owner_sql, tenant_sql, tenant_texts};
use store::{StoreError, TableFacts, Tx};
use testkit::{TestApp, TestEngine, engines};

use crate::world::World;

/// Tenant tables whose rows may be the platform's too: their `org_id` may be null.
const SHARED: [&str; 2] = ["flow_runs", "mails"];
/// Tables whose rows are written once: no `updated_at`, no `version`.
const APPEND_ONLY: [&str; 5] = ["audit_log", "outbox", "provider_event_refs", "timeline_entries", "transaction_refs"];
/// Tables of the platform that name an organization: only the system door reaches them.
const OF_THE_PLATFORM: [&str; 1] = ["sessions"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_table_has_what_it_must() {
    for engine in engines() {
        let app = TestApp::start(engine, crate::world::modules()).await;
        let tables = app.tables().await;
        assert!(tables.len() > 30, "only {} tables were found", tables.len());
        for table in &tables {
            columns(table);
            if is_tenants(table) {
                of_a_tenant(table, engine);
            }
        }
        let named = |is: fn(&TableFacts) -> bool| -> Vec<&str> {
            tables.iter().filter(|table| is_tenants(table) && is(table)).map(|table| table.name.as_str()).collect()
        };
        assert_eq!(named(TableFacts::is_append_only), APPEND_ONLY, "tables that are written once");
        assert_eq!(named(|table| table.column("org_id").is_some_and(|org| !org.not_null)), SHARED, "tables that the platform shares");
        let platforms = tables.iter().filter(|table| table.is_tenant() && !is_tenants(table)).count();
        assert_eq!(platforms, OF_THE_PLATFORM.len(), "a table of the platform is gone from the list");
        app.finish().await;
    }
}

fn is_tenants(table: &TableFacts) -> bool {
    table.is_tenant() && !OF_THE_PLATFORM.contains(&table.name.as_str())
}

fn columns(table: &TableFacts) {
    let name = &table.name;
    for column in ["id", "created_at"] {
        assert!(table.column(column).is_some_and(|column| column.not_null), "{name} lacks {column}");
    }
    for column in ["updated_at", "version"] {
        let has = table.column(column).is_some_and(|column| column.not_null);
        assert_eq!(has, !table.is_append_only(), "{name}: {column}");
    }
    for column in table.columns.iter().filter(|column| column.name.ends_with("_at") || column.kind.contains("timestamp")) {
        assert!(column.kind.contains("timestamp"), "{name}.{} is a time of the kind {}", column.name, column.kind);
    }
}

fn of_a_tenant(table: &TableFacts, engine: TestEngine) {
    let name = &table.name;
    assert!(table.has_index(&["org_id", "created_at", "id"]), "{name} has no index for lists");
    let unique = table.indexes.iter().any(|index| index.unique && index.columns == ["org_id", "id"]);
    assert!(unique, "{name} has no key (org_id, id) to refer to");
    for key in &table.foreign_keys {
        let composite = key.columns[0] == "org_id" && key.references == ["org_id", "id"];
        let own_wall = key.columns == ["org_id"] && key.table == "organizations";
        assert!(composite || own_wall, "{name}: the reference {:?} to {} can cross the wall", key.columns, key.table);
    }
    assert_eq!(table.row_security_forced, (engine == TestEngine::Postgres).then_some(true), "{name}: row-level security");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_table_is_behind_the_wall() {
    for engine in engines() {
        let world = World::new(engine).await;
        let rows = world.app.rows_of(world.acme).await;
        for table in world.app.tables().await.iter().filter(|table| table.is_tenant()) {
            if !is_tenants(table) {
                out_of_reach(&world, table).await;
                continue;
            }
            assert!(rows.iter().any(|row| row.table == table.name), "the story of acme leaves nothing in {}", table.name);
            reading(&world, table).await;
            changing(&world, table).await;
        }
        world.app.finish().await;
    }
}

/// The platform's own tables: PostgreSQL gives the tenant door no right to them, SQLite shows at most
/// what names the pinned organization.
async fn out_of_reach(world: &World, table: &TableFacts) {
    let mut tx = globex(world).await;
    let acme = world.app.literal(world.acme.uuid());
    let rows = tenant_texts(&mut tx, &format!("select id from {} where org_id = {acme} or org_id is null", table.name)).await;
    match world.app.engine {
        TestEngine::Sqlite => assert_eq!(rows.expect("a view").len(), 0, "{}", table.name),
        TestEngine::Postgres => assert!(rows.is_err(), "{}", table.name),
    }
}

async fn globex(world: &World) -> Tx {
    Tx::for_org(&world.app.core.store, world.globex, Actor::System("walk")).await.expect("a transaction")
}

/// How many of acme's rows an unfiltered select shows.
async fn seen(world: &World, tx: &mut Tx, table: &TableFacts) -> usize {
    let rows = tenant_texts(tx, &format!("select org_id from {}", table.name)).await.expect("a table of the tenant door");
    let acme = world.acme.uuid().to_string();
    rows.iter().flatten().filter(|(_, org)| org.as_deref() == Some(&acme)).count()
}

async fn reading(world: &World, table: &TableFacts) {
    let mut tx = globex(world).await;
    assert_eq!(seen(world, &mut tx, table).await, 0, "globex reads {} of acme", table.name);
    match world.app.engine {
        // Within the transaction, which is dropped: the view comes back with it.
        TestEngine::Sqlite => {
            tenant_sql(&mut tx, &format!("drop view temp.\"{}\"", table.name)).await.expect("the view is there");
            assert!(seen(world, &mut tx, table).await > 0, "without its view {} hides acme all the same", table.name);
        }
        TestEngine::Postgres => {
            drop(tx);
            policy(world, table, "select", "using (true)").await;
            let mut tx = globex(world).await;
            assert!(seen(world, &mut tx, table).await > 0, "without its policy {} hides acme all the same", table.name);
            drop(tx);
            policy(world, table, "select", "using (org_id = (select current_setting('app.org_id')::uuid))").await;
            let mut tx = globex(world).await;
            assert_eq!(seen(world, &mut tx, table).await, 0, "the policy of {} is up again", table.name);
        }
    }
}

async fn policy(world: &World, table: &TableFacts, verb: &str, rule: &str) {
    let sql = format!("alter policy {name}_{verb} on {name} {rule}", name = table.name);
    owner_sql(&world.app.core.store, sql).await.expect("the policy is there");
}

/// An update without a filter changes nothing of acme, or is stopped.
async fn changing(world: &World, table: &TableFacts) {
    let name = &table.name;
    let target = if world.app.engine == TestEngine::Sqlite { format!("main.\"{name}\"") } else { name.clone() };
    let update = format!("update {target} set id = id where org_id = {}", world.app.literal(world.acme.uuid()));
    let mut tx = globex(world).await;
    let changed = tenant_sql(&mut tx, &update).await;
    assert!(matches!(changed, Ok(0) | Err(StoreError::Guard(_))), "globex changes {name}: {changed:?}");
    drop(tx);
    match world.app.engine {
        TestEngine::Sqlite => {
            let mut tx = globex(world).await;
            tenant_sql(&mut tx, &format!("drop trigger temp.\"guard_{name}_UPDATE\"")).await.expect("the trigger is there");
            let changed = tenant_sql(&mut tx, &update).await;
            assert!(matches!(changed, Ok(1..)), "without its trigger {name} holds all the same: {changed:?}");
        }
        // What is written once can't be changed by anybody.
        TestEngine::Postgres if table.is_append_only() => {}
        TestEngine::Postgres => {
            // An update reads what it changes, so both policies have to go.
            policy(world, table, "select", "using (true)").await;
            policy(world, table, "update", "using (true) with check (true)").await;
            let mut tx = globex(world).await;
            let changed = tenant_sql(&mut tx, &update).await;
            assert!(matches!(changed, Ok(1..)), "without its policy {name} holds all the same: {changed:?}");
            drop(tx);
            let pinned = "org_id = (select current_setting('app.org_id')::uuid)";
            policy(world, table, "select", &format!("using ({pinned})")).await;
            policy(world, table, "update", &format!("using ({pinned}) with check ({pinned})")).await;
        }
    }
}
