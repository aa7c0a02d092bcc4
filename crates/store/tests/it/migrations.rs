//! Migrating: alone, together, failing, ahead, and back.

use kernel::Clock;
use store::testing::owner_rows;
use store::{Engine, Guards, Plan, Step, StoreError, Tx};

use crate::world::{ACME, Place, customer, new_customer, steps, story};

fn clock() -> Clock {
    Clock::standing("2026-03-01T12:00:00Z".parse().unwrap())
}

const LATER: Step = Step {
    name: "20261121_09_test_later",
    up: |s| {
        s.tenant_table("pets", |_| {});
        s.sql(Engine::Postgres, "update customers set quantity = quantity + 1");
        s.sql(Engine::Sqlite, "update customers set quantity = quantity + 1");
    },
    down: |s| s.drop("pets"),
};
const BAD: Step = Step {
    name: "20261122_09_test_bad",
    up: |s| {
        s.tenant_table("halves", |_| {});
        s.sql(s.engine(), "create tabble");
    },
    down: |_| {},
};

fn with(more: &[Step]) -> Plan {
    Plan::new(steps().into_iter().chain(more.iter().copied()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_together_migrate_once() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(place) = Place::new(engine).await else { continue };
        let start = async || {
            let store = place.open(&clock(), Guards::default()).await;
            with(&[]).up(&store).await.unwrap().len()
        };
        let (a, b, c) = futures::join!(start(), start(), start());
        let mut applied = [a, b, c];
        applied.sort_unstable();
        assert_eq!(applied, [0, 0, steps().len()], "{engine:?}");
    }
}

story!(a_failing_step_leaves_nothing_behind, world, {
    let plan = with(&[LATER, BAD]);
    let failed = plan.up(&world.store).await;
    assert!(matches!(&failed, Err(StoreError::Schema(text)) if text.contains("nothing of it was kept")), "{failed:?}");
    assert_eq!(plan.pending(&world.store).await.unwrap(), [LATER.name, BAD.name]);
    let tables: Vec<String> = world.store.catalogue().await.unwrap().into_iter().map(|table| table.name).collect();
    assert!(!tables.contains(&"pets".to_owned()) && !tables.contains(&"halves".to_owned()), "{tables:?}");
});

story!(a_backfill_of_the_owner_reaches_every_row, world, {
    assert_eq!(with(&[LATER]).up(&world.store).await.unwrap(), [LATER.name]);
    let rows = owner_rows(&world.store, "select quantity from customers").await.unwrap();
    let quantities: Vec<i64> = rows.iter().map(|row| row.try_get_by("quantity").unwrap()).collect();
    assert_eq!(quantities, [4, 4]);
});

story!(a_table_made_while_running_is_guarded_at_once, world, {
    world.tx(ACME).await.commit().await.unwrap();
    with(&[LATER]).up(&world.store).await.unwrap();
    let mut tx = world.tx(ACME).await;
    let foreign = match tx.engine() {
        Engine::Sqlite => "insert into main.pets values (x'01', x'02', '', '', 1)",
        Engine::Postgres => "insert into pets values (gen_random_uuid(), gen_random_uuid(), now(), now(), 1)",
    };
    let refused = store::testing::tenant_sql(&mut tx, foreign).await;
    assert!(matches!(refused, Err(StoreError::Guard(_))), "{refused:?}");
});

story!(steps_go_back_and_forth, world, {
    let plan = with(&[LATER]);
    plan.up(&world.store).await.unwrap();
    assert_eq!(plan.down(&world.store, 2).await.unwrap(), [LATER.name, "20261120_08_test_customers"]);
    assert_eq!(plan.status(&world.store).await.unwrap().iter().filter(|(_, applied)| !applied).count(), 2);
    assert_eq!(plan.up(&world.store).await.unwrap().len(), 2);
    assert!(plan.pending(&world.store).await.unwrap().is_empty());
    let mut tx = world.tx(ACME).await;
    tx.insert(new_customer("amy")).await.unwrap();
    tx.commit().await.unwrap();
    plan.down(&world.store, 99).await.unwrap();
    assert!(world.store.catalogue().await.unwrap().is_empty());
});

story!(a_program_that_is_older_than_the_database_says_so, world, {
    with(&[LATER]).up(&world.store).await.unwrap();
    let old = with(&[]);
    assert!(old.pending(&world.store).await.unwrap().is_empty(), "it goes on while the new one rolls out");
    assert_eq!(old.unknown(&world.store).await.unwrap(), [LATER.name]);
    let refused = old.up(&world.store).await;
    assert!(matches!(&refused, Err(StoreError::Schema(text)) if text.contains(LATER.name)), "{refused:?}");
});

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_database_has_everything_pending() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(place) = Place::new(engine).await else { continue };
        let store = place.open(&clock(), Guards::default()).await;
        assert_eq!(with(&[]).pending(&store).await.unwrap().len(), steps().len());
        store.ping().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_steps_of_one_name_are_refused() {
    let place = Place::new(Engine::Sqlite).await.unwrap();
    let store = place.open(&clock(), Guards::default()).await;
    assert!(matches!(with(&[LATER, LATER]).up(&store).await, Err(StoreError::Schema(_))));
}

// What must hold for every table with an organization, the store's own among them.
story!(every_table_is_as_the_design_asks, world, {
    let tables = world.store.catalogue().await.unwrap();
    assert!(tables.iter().filter(|table| table.is_tenant()).count() >= 6);
    for table in tables.iter().filter(|table| table.is_tenant()) {
        let name = &table.name;
        assert!(table.has_index(&["org_id", "created_at", "id"]), "{name}: lists need their index");
        assert!(table.indexes.iter().any(|i| i.unique && i.columns == ["org_id", "id"]), "{name}: (org_id, id) is referred to");
        assert!(table.is_append_only() || table.column("version").is_some_and(|c| c.not_null), "{name}: version");
        assert!(table.row_security_forced != Some(false), "{name}: row-level security");
        for key in &table.foreign_keys {
            let to_tenant = tables.iter().any(|other| other.name == key.table && other.is_tenant());
            assert!(!to_tenant || key.references == ["org_id", "id"], "{name}: {key:?} could cross the wall");
        }
    }
    let appended: Vec<&str> = tables.iter().filter(|t| t.is_append_only()).map(|t| t.name.as_str()).collect();
    assert_eq!(appended, ["audit_log", "outbox"]);
    let platform = tables.iter().find(|table| table.name == "accounts").unwrap();
    assert!(!platform.is_tenant() && platform.has_index(&["email"]));
});

story!(rows_survive_closing_and_opening, world, {
    world.store.close().await;
    let store = world.place.open(&world.clock, Guards::default()).await;
    let tx = Tx::for_org(&store, ACME, kernel::Actor::System("test")).await.unwrap();
    assert_eq!(tx.find::<customer::Entity>().one().await.unwrap(), Some(world.ann.clone()));
});
