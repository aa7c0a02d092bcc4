//! What production does not open: databases that lose what they acknowledged, roles that pass the
//! wall, and another master key.

use kernel::Clock;
use store::testing::owner_sql;
use store::{Engine, Guards, Location, MasterKey, Plan, Store, StoreError, StoreOptions};
use testkit::StoppablePostgres;

use crate::world::{Place, steps, story};

async fn strictly(location: Location, durable: bool) -> Result<Store, StoreError> {
    let options = StoreOptions { location, connections_max: 2, durable, strict: true, guards: Guards::default(), valkey: None };
    Store::open(options, Clock::system(), MasterKey::from_bytes([7; 32])).await
}

#[track_caller]
fn refused(opened: Result<Store, StoreError>, words: &[&str]) {
    let error = opened.map(drop).unwrap_err();
    let StoreError::Unsafe(text) = &error else { panic!("{error:?}") };
    for word in words {
        assert!(text.contains(word), "{word:?} is missing in: {text}");
    }
}

#[tokio::test]
async fn a_file_that_may_lose_rows_with_the_power_is_refused() {
    let place = Place::new(Engine::Sqlite).await.unwrap();
    strictly(place.location.clone(), true).await.unwrap();
    refused(strictly(place.location.clone(), false).await, &["store.db", "synchronous=FULL"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_may_lose_rows_in_a_crash_is_refused_with_what_to_change() {
    let Some(mut server) = StoppablePostgres::start_durable().await else { return };
    let location = || Location::Postgres { owner: server.url(), app: None, system: None };
    strictly(location(), true).await.unwrap();
    server.order("crash").await;
    server.order("start -c fsync=off -c full_page_writes=off -c synchronous_commit=off").await;
    let location = || Location::Postgres { owner: server.url(), app: None, system: None };
    let opened = strictly(location(), true).await;
    if let Err(StoreError::Unsafe(text)) = &opened {
        assert_eq!(text.lines().count(), 5, "two of the server, one of each role: {text}");
    }
    refused(opened, &["fsync = on", "full_page_writes = on", "synchronous_commit=off", "postgresql.conf"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_or_a_database_that_does_not_wait_for_the_disk_is_refused() {
    let Some(server) = StoppablePostgres::start_durable().await else { return };
    let store = strictly(Location::Postgres { owner: server.url(), app: None, system: None }, true).await.unwrap();
    owner_sql(&store, "create role door_app login; create role door_system login").await.unwrap();
    let doors =
        || Location::Postgres { owner: server.url(), app: Some(server.url_of("door_app")), system: Some(server.url_of("door_system")) };
    strictly(doors(), true).await.unwrap();
    owner_sql(&store, "alter role door_app set synchronous_commit = off").await.unwrap();
    refused(strictly(doors(), true).await, &["door_app", "alter role door_app reset synchronous_commit"]);
    owner_sql(&store, "alter role door_app reset synchronous_commit; alter database postgres set synchronous_commit = off").await.unwrap();
    refused(strictly(doors(), true).await, &["door_app", "door_system", "postgres"]);
    owner_sql(&store, "alter database postgres reset synchronous_commit").await.unwrap();
    strictly(doors(), true).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_door_that_could_pass_the_wall_is_refused_wherever_it_runs() {
    let Some(server) = StoppablePostgres::start_durable().await else { return };
    let store = strictly(Location::Postgres { owner: server.url(), app: None, system: None }, true).await.unwrap();
    let roles = "create role keeper login createrole; grant all on database postgres to keeper; grant all on schema public to keeper;
                 create role door_app login; create role door_system login; grant connect on database postgres to door_app";
    owner_sql(&store, roles).await.unwrap();
    for (change, undo, word) in [
        ("alter role door_app bypassrls", "alter role door_app nobypassrls", "BYPASSRLS"),
        ("alter role door_app superuser", "alter role door_app nosuperuser", "superuser"),
        ("create table stray (); alter table stray owner to door_app", "drop table stray", "owns tables"),
        ("grant keeper to door_app", "revoke keeper from door_app", "member of the owner"),
        ("grant door_system to door_app", "revoke door_system from door_app", "member of the role of the system door"),
    ] {
        owner_sql(&store, change).await.unwrap();
        let (app, system) = (Some(server.url_of("door_app")), Some(server.url_of("door_system")));
        let location = Location::Postgres { owner: server.url_of("keeper"), app, system };
        refused(strictly(location.clone(), true).await, &["door_app", word]);
        owner_sql(&store, undo).await.unwrap();
        strictly(location, true).await.expect(undo);
    }
    let one = || Some(server.url_of("door_app"));
    let same = Location::Postgres { owner: server.url_of("keeper"), app: one(), system: one() };
    refused(strictly(same, true).await, &["also the role of the system door"]);
}

story!(another_master_key_is_refused_once_the_first_is_known, world, {
    world.store.check_key().await.unwrap();
    let options = StoreOptions {
        location: world.place.location.clone(),
        connections_max: 2,
        durable: true,
        strict: false,
        guards: Guards::default(),
        valkey: None,
    };
    let other = Store::open(options.clone(), world.clock.clone(), MasterKey::from_bytes([8; 32])).await.unwrap();
    for refused in [other.check_key().await, Plan::new(steps()).up(&other).await.map(drop)] {
        assert!(matches!(&refused, Err(StoreError::Unsafe(text)) if text.contains("another master key")), "{refused:?}");
    }
    let same = Store::open(options, world.clock.clone(), MasterKey::from_bytes([7; 32])).await.unwrap();
    same.check_key().await.unwrap();
});

#[tokio::test(flavor = "multi_thread")]
async fn before_the_first_migration_there_is_no_key_to_compare() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(place) = Place::new(engine).await else { continue };
        place.open(&Clock::system(), Guards::default()).await.check_key().await.unwrap();
    }
}
