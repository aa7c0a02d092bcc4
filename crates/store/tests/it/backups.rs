//! Backups: made under load, looked into, restored elsewhere, and refused where they would do harm.

use std::path::Path;

use kernel::{Actor, Clock};
use store::backup::{self, Backup, BackupError, Kind, Restoring};
use store::testing::owner_rows;
use store::{Cipher, Engine, Guards, Location, MasterKey, Plan, Store, StoreError, Tx};

use crate::world::{ACME, GLOBEX, Place, World, customer, new_customer, steps, story};

fn cipher() -> Cipher {
    Cipher::new(MasterKey::from_bytes([7; 32]))
}

async fn made(world: &World, folder: &Path) -> Backup {
    backup::create(&world.store, folder, true).await.unwrap()
}

/// Restores into a place of the same engine.
async fn restored(backup: &Backup, place: &Place, replace: bool) -> Result<(), BackupError> {
    let (cipher, plan) = (cipher(), Plan::new(steps()));
    let asked = Restoring { backup, location: &place.location, cipher: &cipher, plan: &plan, replace, left_behind: &[] };
    backup::restore(&asked).await.map(drop)
}

async fn elsewhere(world: &World) -> Place {
    Place::new(world.store.engine()).await.unwrap()
}

async fn names(store: &Store, org: kernel::OrgId) -> Vec<String> {
    let tx = Tx::for_org(store, org, Actor::System("test")).await.unwrap();
    let mut names: Vec<String> = tx.find::<customer::Entity>().all().await.unwrap().into_iter().map(|row| row.name).collect();
    names.sort();
    names
}

story!(a_backup_comes_back_in_another_place_with_its_rows_and_its_walls, world, {
    let folder = tempfile::tempdir().unwrap();
    let backup = made(&world, folder.path()).await;
    assert!(backup.manifest.is_sealed && backup.manifest.rows() > 2, "{:?}", backup.manifest);
    let place = elsewhere(&world).await;
    restored(&backup, &place, false).await.unwrap();
    let store = place.open(&world.clock, Guards::default()).await;
    assert_eq!((names(&store, ACME).await, names(&store, GLOBEX).await), (vec!["ann".to_owned()], vec!["bob".to_owned()]));
    // The database's own guard holds: an unfiltered read meets one company, a foreign write none.
    let mut tx = Tx::for_org(&store, ACME, Actor::System("test")).await.unwrap();
    assert_eq!(store::testing::tenant_rows(&mut tx, "select name from customers").await.unwrap().len(), 1);
    let foreign = match tx.engine() {
        Engine::Sqlite => "update main.customers set name = 'x'",
        Engine::Postgres => "insert into customers select gen_random_uuid(), gen_random_uuid(), 'x', 1, null, now(), now(), 1",
    };
    assert!(matches!(store::testing::tenant_sql(&mut tx, foreign).await, Err(StoreError::Guard(_))));
    drop(tx);
    assert_eq!(Plan::new(steps()).up(&store).await.unwrap(), Vec::<&str>::new(), "the schema is whole");
});

#[tokio::test(flavor = "multi_thread")]
async fn policies_grants_and_owners_are_the_same_after_a_restore() {
    let Some(world) = World::new(Engine::Postgres).await else { return };
    let folder = tempfile::tempdir().unwrap();
    let backup = made(&world, folder.path()).await;
    let place = elsewhere(&world).await;
    restored(&backup, &place, false).await.unwrap();
    let store = place.open(&world.clock, Guards::default()).await;
    let walls = "select format('%s %s %s %s %s %s', tablename, policyname, cmd, roles, qual, with_check) as line from pg_policies
        union all select format('%s %s %s %s %s', nspname, relname, relacl::text, relrowsecurity, relforcerowsecurity)
          from pg_class c join pg_namespace n on n.oid = c.relnamespace where nspname in ('public', 'auth') and relkind = 'r'
        union all select format('%s %s', nspname, nspacl::text) from pg_namespace where nspname = 'auth' order by 1";
    let lines = async |store: &Store| {
        let rows = owner_rows(store, walls).await.unwrap();
        rows.iter().map(|row| row.try_get_by::<String, _>("line").unwrap()).collect::<Vec<_>>()
    };
    let before = lines(&world.store).await;
    assert!(before.len() > 20);
    assert_eq!(lines(&store).await, before);
}

story!(a_backup_under_load_holds_every_row_that_was_there_when_it_began, world, {
    let folder = tempfile::tempdir().unwrap();
    let writing = async {
        for n in 0..200 {
            let mut tx = world.tx(ACME).await;
            tx.insert(new_customer(&format!("c{n:03}"))).await.unwrap();
            tx.commit().await.unwrap();
        }
    };
    let ((), backup) = futures::join!(writing, made(&world, folder.path()));
    let place = elsewhere(&world).await;
    restored(&backup, &place, false).await.unwrap();
    let store = place.open(&world.clock, Guards::default()).await;
    let kept: Vec<String> = names(&store, ACME).await.into_iter().filter(|name| name.starts_with('c')).collect();
    let first: Vec<String> = (0..kept.len()).map(|n| format!("c{n:03}")).collect();
    assert_eq!(kept, first, "what was acknowledged before another is there when the other is");
});

story!(a_full_database_is_only_replaced_when_that_is_said, world, {
    let folder = tempfile::tempdir().unwrap();
    let backup = made(&world, folder.path()).await;
    let mut tx = world.tx(ACME).await;
    tx.insert(new_customer("later")).await.unwrap();
    tx.commit().await.unwrap();
    let running = restored(&backup, &world.place, true).await.unwrap_err();
    assert!(running.kind == Kind::Refused && running.what.contains("running"), "{running:?}");
    world.store.close().await;
    let (place, clock) = world.closed().await;
    let full = restored(&backup, &place, false).await.unwrap_err();
    assert!(full.kind == Kind::Refused && full.hint.is_some_and(|hint| hint.contains("--replace")));
    restored(&backup, &place, true).await.unwrap();
    let store = place.open(&clock, Guards::default()).await;
    assert_eq!(names(&store, ACME).await, ["ann"]);
});

story!(a_look_into_a_backup_finds_every_kind_of_damage, world, {
    let folder = tempfile::tempdir().unwrap();
    let backup = made(&world, folder.path()).await;
    let scratch = elsewhere(&world).await;
    let url = match &scratch.location {
        Location::Sqlite(_) => None,
        Location::Postgres { owner, .. } => Some(owner.as_str()),
    };
    let look = async |backup: &Backup, cipher: &Cipher| backup::verify(backup, &world.place.location, cipher, url).await;
    for _ in 0..2 {
        look(&backup, &cipher()).await.expect("it is whole, and looking leaves nothing behind");
    }
    let other_key = Cipher::new(MasterKey::from_bytes([8; 32]));
    assert_eq!(look(&backup, &other_key).await.unwrap_err().kind, Kind::Refused);
    let mut told = backup.clone();
    told.manifest.tables.values_mut().for_each(|rows| *rows += 1);
    assert!(look(&told, &cipher()).await.unwrap_err().what.contains("manifest was changed"));
    let file = backup.path.join(&backup.manifest.file);
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    assert!(look(&backup, &cipher()).await.unwrap_err().what.contains("damaged"));
});

story!(a_backup_that_is_not_sealed_is_proven_all_the_same, world, {
    let folder = tempfile::tempdir().unwrap();
    let plain = backup::create(&world.store, folder.path(), false).await.unwrap();
    let sealed = made(&world, folder.path()).await;
    let has_ann = |backup: &Backup| {
        let bytes = std::fs::read(backup.path.join(&backup.manifest.file)).unwrap();
        bytes.windows(18).any(|part| part == b"20261120_08_test_c")
    };
    assert!(world.store.engine() == Engine::Postgres || has_ann(&plain), "SQLite's file is not packed");
    assert!(!has_ann(&sealed));
    let place = elsewhere(&world).await;
    restored(&plain, &place, false).await.unwrap();
});

story!(only_the_newest_backups_are_kept, world, {
    let folder = tempfile::tempdir().unwrap();
    assert!(backup::list(&folder.path().join("none")).unwrap().is_empty());
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(made(&world, folder.path()).await.name);
        world.clock.advance(chrono::Duration::days(1));
    }
    // A process that died in the middle left this, and one that is at work has the other.
    let old = folder.path().join(".draft-20250101T000000Z-sqlite-aa");
    let young = folder.path().join(format!(".draft-{}-sqlite-aa", world.clock.now().format("%Y%m%dT%H%M%SZ")));
    std::fs::create_dir(&old).unwrap();
    std::fs::create_dir(&young).unwrap();
    all.push(made(&world, folder.path()).await.name);
    assert!(!old.exists() && young.exists());
    assert_eq!(backup::forget(&world.store, folder.path(), 2).await.unwrap().len(), 2);
    let kept: Vec<String> = backup::list(folder.path()).unwrap().into_iter().map(|backup| backup.name).collect();
    assert_eq!(kept, [all[3].clone(), all[2].clone()], "the newest first");
});

story!(databases_that_share_a_folder_remove_only_their_own_backups, world, {
    let folder = tempfile::tempdir().unwrap();
    let other = World::new(world.store.engine()).await.unwrap();
    let theirs = [made(&other, folder.path()).await.name, made(&other, folder.path()).await.name];
    let ours = made(&world, folder.path()).await;
    assert!(backup::forget(&world.store, folder.path(), 1).await.unwrap().is_empty());
    let place = elsewhere(&world).await;
    restored(&ours, &place, false).await.unwrap();
    let copy = place.open(&world.clock, Guards::default()).await;
    backup::create(&copy, folder.path(), true).await.unwrap();
    assert!(backup::forget(&copy, folder.path(), 1).await.unwrap().is_empty(), "a restored copy is a database of its own");
    assert_eq!(backup::forget(&other.store, folder.path(), 1).await.unwrap().len(), 1);
    let kept: Vec<String> = backup::list(folder.path()).unwrap().into_iter().map(|backup| backup.name).collect();
    assert!(kept.len() == 3 && kept.contains(&ours.name) && theirs.iter().filter(|name| kept.contains(name)).count() == 1);
});

story!(what_is_left_behind_does_not_come_back, world, {
    let folder = tempfile::tempdir().unwrap();
    let (backup, place) = (made(&world, folder.path()).await, elsewhere(&world).await);
    let (cipher, plan) = (cipher(), Plan::new(steps()));
    let left_behind = &["notes", "customers", "never_heard_of"];
    let asked = Restoring { backup: &backup, location: &place.location, cipher: &cipher, plan: &plan, replace: false, left_behind };
    let planned = backup::restore(&asked).await.unwrap();
    assert!(planned.sentences.iter().any(|sentence| sentence.contains("all rows of notes, customers,")), "{planned:?}");
    let store = place.open(&world.clock, Guards::default()).await;
    assert!(names(&store, ACME).await.is_empty() && names(&store, GLOBEX).await.is_empty());
    assert_eq!(Plan::new(steps()).up(&store).await.unwrap(), Vec::<&str>::new(), "the schema is whole");
});

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_broke_off_leaves_nothing_that_a_start_would_take_for_a_database() {
    let world = World::new(Engine::Sqlite).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let backup = made(&world, folder.path()).await;
    world.store.close().await;
    let (place, clock) = world.closed().await;
    let Location::Sqlite(path) = &place.location else { panic!("a file") };
    let marker = path.with_file_name(format!("{}.restoring", path.file_name().unwrap().display()));
    let beside = |ending: &str| path.with_file_name(format!("{}{ending}", path.file_name().unwrap().display()));
    let said = format!("{}\n.before-x\n", backup.path.display());
    let crashes: [(&str, &dyn Fn()); 3] = [
        ("before the database was moved, and after its log was", &|| std::fs::write(beside(".before-x-wal"), "log").unwrap()),
        ("between the two renames", &|| std::fs::rename(path, beside(".before-x")).unwrap()),
        ("after the last rename", &|| std::fs::copy(path, beside(".before-x")).map(drop).unwrap()),
    ];
    for (when, crash) in crashes {
        std::fs::write(&marker, &said).unwrap();
        crash();
        let there = path.exists();
        let refused = Store::open(options(&place), Clock::system(), MasterKey::from_bytes([7; 32])).await.unwrap_err();
        let command = format!("`autorisen backup restore '{}'`", backup.path.display());
        assert!(
            matches!(&refused, StoreError::Unsafe(text) if text.contains("broke off") && text.contains(&command)),
            "{when}: {refused:?}"
        );
        assert_eq!(path.exists(), there, "{when}: no empty database was made");
        restored(&backup, &place, false).await.unwrap_or_else(|refused| panic!("{when}: {refused:?}"));
        assert!(!marker.exists());
        let store = place.open(&clock, Guards::default()).await;
        assert_eq!(names(&store, ACME).await, ["ann"], "{when}");
        store.close().await;
        drop(store);
        assert!(beside(".before-x").exists(), "{when}: what was there before is kept with its log");
    }
}

fn options(place: &Place) -> store::StoreOptions {
    let location = place.location.clone();
    store::StoreOptions { location, connections_max: 2, durable: false, strict: false, guards: Guards::default(), valkey: None }
}

story!(a_backup_of_a_newer_program_or_another_engine_is_refused, world, {
    let folder = tempfile::tempdir().unwrap();
    let backup = made(&world, folder.path()).await;
    let (cipher, older) = (cipher(), Plan::new(store::steps()));
    let place = elsewhere(&world).await;
    let asked = Restoring { backup: &backup, location: &place.location, cipher: &cipher, plan: &older, replace: false, left_behind: &[] };
    assert!(backup::plan(&asked).await.unwrap_err().what.contains("20261120_08_test_customers"));
    let other = Location::Sqlite(folder.path().join("other.db"));
    let plan = Plan::new(steps());
    let asked = Restoring { backup: &backup, location: &other, cipher: &cipher, plan: &plan, replace: false, left_behind: &[] };
    assert_eq!(backup::plan(&asked).await.is_ok(), world.store.engine() == Engine::Sqlite);
});

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_being_restored_does_not_open() {
    let world = World::new(Engine::Sqlite).await.unwrap();
    let Location::Sqlite(path) = &world.place.location else { panic!("a file") };
    let mut lock = path.clone().into_os_string();
    lock.push(".lock");
    let file = std::fs::File::open(lock).unwrap();
    assert!(file.try_lock().is_err(), "an open store holds it");
    world.store.close().await;
    let (place, _) = world.closed().await;
    file.lock().unwrap();
    let refused = Store::open(options(&place), Clock::system(), MasterKey::from_bytes([7; 32])).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Unavailable(text) if text.contains("is being restored")), "{refused:?}");
}
