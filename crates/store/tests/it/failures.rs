//! When the database is away, busy, or set up wrongly.

use std::time::{Duration, Instant};

use kernel::{Clock, Failure};
use store::testing::{owner_rows, owner_sql};
use store::{Engine, Guards, Location, MasterKey, Store, StoreError, StoreOptions};

use crate::world::{ACME, World, customer};

async fn open(location: Location) -> Result<Store, StoreError> {
    let options = StoreOptions { location, connections_max: 2, durable: true, strict: false, guards: Guards::default(), valkey: None };
    Store::open(options, Clock::system(), MasterKey::from_bytes([1; 32])).await
}

#[tokio::test]
async fn a_server_that_is_not_there_is_reported_within_two_seconds() {
    let started = Instant::now();
    let owner = "postgres://nobody:hunter2@127.0.0.1:1/none".to_owned();
    let error = open(Location::Postgres { owner, app: None, system: None }).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert!(!error.to_string().contains("hunter2"));
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(Failure::from(error).status, 503);
}

#[tokio::test]
async fn an_address_that_cannot_be_read_is_not_repeated_in_the_error() {
    let owner = "postgress//owner:hunter2".to_owned();
    let error = open(Location::Postgres { owner, app: None, system: None }).await.unwrap_err();
    assert!(matches!(&error, StoreError::Schema(text) if !text.contains("hunter2")), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_died_in_the_pool_are_replaced_unseen() {
    let Some(world) = World::new(Engine::Postgres).await else { return };
    let many = futures::future::join_all((0..4).map(|_| world.tx(ACME))).await;
    drop(many);
    let kill = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    owner_rows(&world.store, kill).await.unwrap();
    for _ in 0..8 {
        let tx = world.tx(ACME).await;
        assert_eq!(tx.find::<customer::Entity>().count().await.unwrap(), 1);
        tx.commit().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doors_use_roles_that_cannot_pass_the_wall() {
    let Some(world) = World::new(Engine::Postgres).await else { return };
    let mut tx = world.tx(ACME).await;
    let rows = store::testing::tenant_rows(&mut tx, "select current_user::text as name").await.unwrap();
    assert_eq!(rows[0].try_get_by::<String, _>("name").unwrap(), "autorisen_app");
    let accounts = store::testing::tenant_rows(&mut tx, "select * from auth.accounts").await;
    assert!(matches!(accounts, Err(StoreError::Guard(_))), "{accounts:?}");
    drop(tx);
    let mut tx = world.tx(ACME).await;
    let reset = store::testing::tenant_rows(&mut tx, "select set_config('app.org_id', '', true)").await;
    assert!(reset.is_ok());
    let unset = store::testing::tenant_rows(&mut tx, "select * from customers").await;
    assert!(unset.is_err(), "an unset tenant is an error, not an empty list");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_is_refused_as_the_tenant_door() {
    let Some(world) = World::new(Engine::Postgres).await else { return };
    let Location::Postgres { owner, .. } = &world.place.location else { return };
    let same = Location::Postgres { owner: owner.clone(), app: Some(owner.clone()), system: None };
    let error = open(same).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unsafe(text) if text.contains("row-level security")), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn three_addresses_work_like_one() {
    let Some(world) = World::new(Engine::Postgres).await else { return };
    let Location::Postgres { owner, .. } = &world.place.location else { return };
    let made = "do $$ begin
                  if not exists (select from pg_roles where rolname = 'door_app') then create role door_app login; end if;
                  if not exists (select from pg_roles where rolname = 'door_system') then create role door_system login; end if;
                end $$;
                grant autorisen_app to door_app; grant autorisen_system to door_system";
    owner_sql(&world.store, made).await.unwrap();
    let (app, system) = (owner.replace("builder", "door_app"), owner.replace("builder", "door_system"));
    let store = open(Location::Postgres { owner: owner.clone(), app: Some(app), system: Some(system) }).await.unwrap();
    let tx = store::Tx::for_org(&store, ACME, kernel::Actor::System("test")).await.unwrap();
    assert_eq!(tx.find::<customer::Entity>().count().await.unwrap(), 1);
    let system = store.system_read("look").await.unwrap();
    assert_eq!(system.find::<customer::Entity>().count().await.unwrap(), 2);
}

/// The wait of five seconds is the promise itself, so this story takes that long.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_writer_that_waits_for_ever_is_told_so() {
    let world = World::new(Engine::Sqlite).await.unwrap();
    let held = world.tx(ACME).await;
    let error = world.store.system("while a write is held").await.unwrap_err();
    assert!(matches!(error, StoreError::TimedOut), "{error:?}");
    let reader = world.store.system_read("readers do not wait").await.unwrap();
    assert_eq!(reader.find::<customer::Entity>().count().await.unwrap(), 2);
    drop(held);
    world.store.system("after it").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_of_both_doors_take_turns() {
    let world = World::new(Engine::Sqlite).await.unwrap();
    let writers = (0..60).map(|n| {
        let world = &world;
        async move {
            if n % 2 == 0 {
                let mut tx = world.tx(ACME).await;
                tx.insert(crate::world::new_customer(&format!("c{n}"))).await.unwrap();
                tx.commit().await.unwrap();
            } else {
                let mut system = world.store.system("count").await.unwrap();
                system.set_state(&format!("k{n}"), "1").await.unwrap();
                system.commit().await.unwrap();
            }
        }
    });
    futures::future::join_all(writers).await;
    assert_eq!(world.tx(ACME).await.find::<customer::Entity>().count().await.unwrap(), 31);
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_readable_by_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep").join("store.db");
    let store = open(Location::Sqlite(path.clone())).await.unwrap();
    store.ping().await.unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_writes_and_goes_on_reading() {
    let world = World::new(Engine::Sqlite).await.unwrap();
    let mut tx = world.tx(ACME).await;
    // The file may not grow beyond its present size.
    store::testing::tenant_sql(&mut tx, "pragma main.max_page_count = 1").await.unwrap();
    let rows = (0..5000).map(|n| crate::world::new_customer(&format!("c{n}")));
    let full = tx.insert_many(rows).await.unwrap_err();
    assert!(matches!(full, StoreError::Full), "{full:?}");
    drop(tx);
    let mut tx = world.tx(ACME).await;
    assert_eq!(tx.find::<customer::Entity>().count().await.unwrap(), 1);
    store::testing::tenant_sql(&mut tx, "pragma main.max_page_count = 1000000").await.unwrap();
    tx.insert(crate::world::new_customer("amy")).await.unwrap();
    tx.commit().await.unwrap();
}
