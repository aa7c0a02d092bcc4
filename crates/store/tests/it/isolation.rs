//! The wall between tenants, with every guard up, and with each one down in turn.

use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::IntoActiveModel as _;
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Query};
use store::testing::{owner_rows, owner_sql, tenant_rows, tenant_sql};
use store::{Engine, Guards, StoreError, TenantSql};
use uuid::Uuid;

use crate::world::{ACME, GLOBEX, World, customer, new_customer, story};

const NAMES: TenantSql = TenantSql::both("select name from customers where org_id = $1 or 1 = 1");

/// Everything that somebody of globex can try against acme's `ann`; gives the names of what
/// succeeded. Reads come first, each write in a transaction of its own.
async fn leaks(world: &World) -> Vec<&'static str> {
    let mut leaks = typed_reads(world).await;
    leaks.extend(raw_reads(world).await);
    leaks.extend(writes(world).await);
    leaks
}

async fn typed_reads(world: &World) -> Vec<&'static str> {
    let tx = world.tx(GLOBEX).await;
    let sees_ann = |rows: Vec<customer::Model>| rows.iter().any(|row| row.name == "ann");
    let mut leaks = Vec::new();
    if tx.find_by_id::<customer::Entity>(world.ann.id).one().await.unwrap().is_some() {
        leaks.push("find by id");
    }
    if sees_ann(tx.find::<customer::Entity>().all().await.unwrap()) || tx.find::<customer::Entity>().count().await.unwrap() != 1 {
        leaks.push("find all");
    }
    // Without the filter in front, the parentheses no longer fit and the statement is refused.
    let unbalanced = tx.find::<customer::Entity>().filter(Expr::cust("1=1) OR (1=1")).all().await;
    drop(tx);
    let tx = world.tx(GLOBEX).await;
    if unbalanced.is_ok_and(sees_ann) {
        leaks.push("unbalanced filter");
    }
    let of_ann = Query::select().column("id").from(Alias::new("customers")).and_where(Expr::col("name").eq("ann")).to_owned();
    if tx.find::<customer::Entity>().filter(Expr::exists(of_ann)).exists().await.unwrap() {
        leaks.push("sub-select");
    }
    leaks
}

async fn raw_reads(world: &World) -> Vec<&'static str> {
    let mut tx = world.tx(GLOBEX).await;
    let mut leaks = Vec::new();
    if tenant_rows(&mut tx, "select * from customers").await.unwrap().len() != 1 {
        leaks.push("unfiltered select");
    }
    #[derive(sea_orm::FromQueryResult)]
    struct Name {
        name: String,
    }
    if tx.sql_all::<Name>(NAMES).await.unwrap().iter().any(|row| row.name == "ann") {
        leaks.push("plain SQL");
    }
    leaks
}

async fn writes(world: &World) -> Vec<&'static str> {
    let (ann, bob) = (world.ann.id, world.bob.id);
    let lite = world.store.engine() == Engine::Sqlite;
    let table = if lite { "main.customers" } else { "customers" };
    let id = |id: Uuid| if lite { format!("x'{}'", id.simple()) } else { format!("'{id}'") };
    let (acme, globex) = (id(ACME.uuid()), id(GLOBEX.uuid()));
    let row = |row_id: Uuid, org: &str| {
        format!(
            "(id, org_id, name, quantity, created_at, updated_at, version) values ({}, {org}, 'pwned', 9, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z', 1)",
            id(row_id)
        )
    };
    let mut attacks = vec![
        ("unfiltered update", format!("update {table} set name = 'pwned'")),
        ("unfiltered delete", format!("delete from {table}")),
        ("update by id", format!("update {table} set name = 'pwned' where id = {}", id(ann))),
        ("delete by id", format!("delete from {table} where id = {}", id(ann))),
        ("insert for another", format!("insert into {table} {}", row(Uuid::from_u128(99), &acme))),
        ("give a row away", format!("update {table} set org_id = {acme} where id = {}", id(bob))),
        (
            "upsert by id",
            format!("insert into {table} {} on conflict (id) do update set name = 'pwned', org_id = {globex}", row(ann, &globex)),
        ),
    ];
    if lite {
        attacks.push(("replace", format!("insert or replace into {table} {}", row(ann, &globex))));
    }
    let mut leaks = typed_writes(world).await;
    for (name, sql) in attacks {
        if !is_intact(world, &sql).await {
            leaks.push(name);
        }
    }
    leaks
}

async fn typed_writes(world: &World) -> Vec<&'static str> {
    let mut leaks = Vec::new();
    let mut tx = world.tx(GLOBEX).await;
    let mut stolen = world.ann.clone().into_active_model();
    stolen.name = Set("pwned".to_owned());
    if tx.update(stolen).await.is_ok() {
        leaks.push("typed update");
    }
    drop(tx);
    // SeaORM answers an update with nothing to set by an unfiltered select.
    let mut tx = world.tx(GLOBEX).await;
    let empty = customer::ActiveModel { id: Unchanged(world.ann.id), version: Unchanged(1), ..Default::default() };
    if tx.update(empty).await.is_ok() {
        leaks.push("empty update");
    }
    drop(tx);
    let mut tx = world.tx(GLOBEX).await;
    if tx.delete::<customer::Entity>(world.ann.id).await.is_ok_and(|rows| rows > 0) {
        leaks.push("typed delete");
    }
    drop(tx);
    leaks
}

/// Whether acme is as it was after globex ran `sql` and kept it. Mends what was broken.
async fn is_intact(world: &World, sql: &str) -> bool {
    let mut tx = world.tx(GLOBEX).await;
    match tenant_sql(&mut tx, sql).await {
        Ok(_) => drop(tx.commit().await),
        Err(_) => drop(tx),
    }
    let acme = match world.store.engine() {
        Engine::Sqlite => format!("x'{}'", ACME.uuid().simple()),
        Engine::Postgres => format!("'{}'", ACME.uuid()),
    };
    let rows = owner_rows(&world.store, format!("select name from customers where org_id = {acme}")).await.unwrap();
    let names: Vec<String> = rows.iter().map(|row| row.try_get_by("name").unwrap()).collect();
    restore(world).await;
    names == ["ann"]
}

async fn restore(world: &World) {
    owner_sql(&world.store, "delete from customers").await.unwrap();
    for row in [&world.ann, &world.bob] {
        let mut again = row.clone().into_active_model().reset();
        again.seen_at = Set(None);
        let mut system = world.store.system("put the rows back").await.unwrap();
        system.insert(again).await.unwrap();
        system.commit().await.unwrap();
    }
}

trait Reset {
    fn reset(self) -> Self;
}

impl Reset for customer::ActiveModel {
    fn reset(self) -> Self {
        sea_orm::ActiveModelTrait::reset_all(self)
    }
}

story!(nothing_gets_through, world, {
    assert_eq!(leaks(&world).await, [""; 0]);
});

#[tokio::test(flavor = "multi_thread")]
async fn nothing_gets_through_without_the_typed_filters() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(world) = World::with(engine, Guards { typed_filters: false, ..Guards::default() }).await else { continue };
        assert_eq!(leaks(&world).await, [""; 0], "{engine:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_views_only_the_typed_queries_hold() {
    let world = World::with(Engine::Sqlite, Guards { views: false, ..Guards::default() }).await.unwrap();
    assert_eq!(leaks(&world).await, ["unbalanced filter", "sub-select", "unfiltered select", "plain SQL"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_triggers_plain_writes_get_through() {
    let world = World::with(Engine::Sqlite, Guards { triggers: false, ..Guards::default() }).await.unwrap();
    let expected = [
        "unfiltered update",
        "unfiltered delete",
        "update by id",
        "delete by id",
        "insert for another",
        "give a row away",
        "upsert by id",
        "replace",
    ];
    assert_eq!(leaks(&world).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_no_guard_at_all_everything_gets_through() {
    let world = World::with(Engine::Sqlite, Guards { typed_filters: false, views: false, triggers: false }).await.unwrap();
    assert_eq!(leaks(&world).await.len(), 16, "all but the unbalanced filter, which has nothing to escape from");
}

/// Each policy by itself: with that one opened, its own attack succeeds, so each is needed.
#[tokio::test(flavor = "multi_thread")]
async fn each_policy_is_needed() {
    for (policy, rule, expected) in [
        ("select", "using (true)", "unfiltered select"),
        ("update", "using (true) with check (true)", "unfiltered update"),
        ("delete", "using (true)", "unfiltered delete"),
        ("insert", "with check (true)", "insert for another"),
    ] {
        let Some(world) = World::new(Engine::Postgres).await else { return };
        owner_sql(&world.store, format!("alter policy customers_{policy} on customers {rule}")).await.unwrap();
        let leaks = leaks(&world).await;
        assert!(leaks.contains(&expected), "{policy}: {leaks:?}");
    }
}

/// Each trigger by itself, as each policy above.
#[tokio::test(flavor = "multi_thread")]
async fn each_trigger_is_needed() {
    let world = World::new(Engine::Sqlite).await.unwrap();
    let insert = format!(
        "insert into main.customers (id, org_id, name, quantity, created_at, updated_at, version) values (x'09', x'{}', 'x', 1, '', '', 1)",
        ACME.uuid().simple()
    );
    for (verb, sql) in
        [("UPDATE", "update main.customers set name = 'pwned'"), ("DELETE", "delete from main.customers"), ("INSERT", insert.as_str())]
    {
        let mut tx = world.tx(GLOBEX).await;
        let refused = tenant_sql(&mut tx, sql).await;
        assert!(matches!(refused, Err(StoreError::Guard(_))), "{verb}: {refused:?}");
        drop(tx);
        let mut tx = world.tx(GLOBEX).await;
        tenant_sql(&mut tx, &format!("drop trigger temp.guard_customers_{verb}")).await.unwrap();
        assert!(tenant_sql(&mut tx, sql).await.is_ok(), "{verb}");
    }
}

story!(a_reader_sees_what_a_writer_of_the_same_company_kept, world, {
    let mut tx = world.tx(ACME).await;
    tx.insert(new_customer("amy")).await.unwrap();
    let pin = || store::Pin { org: ACME, who: store::Who::system("test"), rights: None };
    let reader = world.store.begin(pin(), store::Mode::Read).await.unwrap();
    assert_eq!(reader.find::<customer::Entity>().count().await.unwrap(), 1, "not kept yet");
    drop(reader);
    tx.commit().await.unwrap();
    let reader = world.store.begin(pin(), store::Mode::Read).await.unwrap();
    assert_eq!(reader.find::<customer::Entity>().count().await.unwrap(), 2);
});

story!(the_pinned_company_does_not_ride_on_a_reused_connection, world, {
    for round in 0..20 {
        let org = if round % 2 == 0 { ACME } else { GLOBEX };
        let mut tx = world.tx(org).await;
        let rows = tenant_rows(&mut tx, "select name from customers").await.unwrap();
        let name: String = rows[0].try_get_by("name").unwrap();
        assert_eq!((rows.len(), name.as_str()), (1, if round % 2 == 0 { "ann" } else { "bob" }));
    }
});
