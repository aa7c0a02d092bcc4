//! The server dies in the middle of everything, comes back, fills up; callers that go away.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use kernel::{Actor, Clock, MemberId, OrgId};
use store::testing::{owner_rows, owner_sql, tenant_rows};
use store::{Engine, Guards, Location, MasterKey, Plan, Store, StoreError, StoreOptions, Tx};
use testkit::{StoppablePostgres, is_root};

use crate::world::{ACME, GLOBEX, World, customer, new_customer, steps};

/// Everything is back this long after the server.
const HEALED_MAX: Duration = Duration::from_secs(5);
/// A caller hears of it within this time.
const REFUSED_MAX: Duration = Duration::from_secs(2);

async fn open(owner: String, connections_max: u32) -> Store {
    let location = Location::Postgres { owner, app: None, system: None };
    let options = StoreOptions { location, connections_max, durable: true, strict: false, guards: Guards::default(), valkey: None };
    Store::open(options, Clock::system(), MasterKey::from_bytes([7; 32])).await.unwrap()
}

async fn begin(store: &Store, org: OrgId) -> Result<Tx, StoreError> {
    Tx::for_org(store, org, Actor::System("test")).await
}

async fn add(store: &Store, org: OrgId, name: &str) -> Result<(), StoreError> {
    let mut tx = begin(store, org).await?;
    tx.insert(new_customer(name)).await?;
    tx.commit().await
}

/// Demands that a transaction sees its own company, and only that, also without a filter.
async fn sees_only(tx: &mut Tx, name: &str) {
    let pinned = tenant_rows(tx, "select current_setting('app.org_id') as org").await.unwrap();
    assert_eq!(pinned[0].try_get_by::<String, _>("org").unwrap(), tx.org().uuid().to_string());
    let rows = tenant_rows(tx, "select name from customers").await.unwrap();
    let names: Vec<String> = rows.iter().map(|row| row.try_get_by("name").unwrap()).collect();
    assert_eq!(names, [name]);
}

async fn is_told_in_time(store: &Store) {
    let asked = Instant::now();
    let away = begin(store, ACME).await.unwrap_err();
    assert!(matches!(&away, StoreError::Unavailable(why) if why.contains("can't be reached")), "{away:?}");
    assert!(asked.elapsed() < REFUSED_MAX, "told after {:?}", asked.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pool_heals_after_each_crash_and_no_tenant_rides_on_a_connection() {
    let Some(mut server) = StoppablePostgres::start_durable().await else { return };
    let store = open(server.url(), 4).await;
    Plan::new(steps()).up(&store).await.unwrap();
    add(&store, ACME, "ann").await.unwrap();
    add(&store, GLOBEX, "bob").await.unwrap();
    for round in 0..20 {
        let mut held = futures::future::join_all((0..4).map(|_| begin(&store, ACME))).await;
        let mut cut = held.pop().unwrap().unwrap();
        cut.insert(new_customer(&format!("lost-{round}"))).await.unwrap();
        drop(held);
        server.order("crash").await;
        // Being told takes its time on purpose: a server that comes right back is not noticed.
        if round % 5 == 0 {
            is_told_in_time(&store).await;
        }
        assert!(cut.commit().await.is_err(), "round {round}: it was acknowledged and is gone");
        server.order("start").await;
        let back = Instant::now();
        for (org, name) in [(GLOBEX, "bob"), (ACME, "ann"), (GLOBEX, "bob"), (ACME, "ann"), (GLOBEX, "bob")] {
            let mut tx = loop {
                match begin(&store, org).await {
                    Ok(tx) => break tx,
                    Err(error) => assert!(back.elapsed() < HEALED_MAX, "round {round}: {error:?}"),
                }
            };
            sees_only(&mut tx, name).await;
            tx.commit().await.unwrap();
        }
    }
}

/// Callers go away at any moment: before the batch is sent, while it is under way, after its answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_begin_that_nobody_waits_for_leaves_no_transaction_in_the_pool() {
    let Some(world) = World::new(Engine::Postgres).await else { return };
    let Location::Postgres { owner, .. } = &world.place.location else { return };
    let store = open(owner.clone(), 1).await;
    sees_only(&mut begin(&store, GLOBEX).await.unwrap(), "bob").await;
    let unknown = Some((MemberId::new(world.clock.now()), 1));
    for n in 0..300u64 {
        let pin = store::Pin { org: ACME, who: store::Who::system("test"), rights: if n % 3 == 0 { unknown } else { None } };
        let gone = tokio::time::timeout(Duration::from_micros(n * 7), store.begin(pin, store::Mode::Write)).await;
        drop(gone);
        let mut tx = begin(&store, GLOBEX).await.unwrap();
        sees_only(&mut tx, "bob").await;
        if n % 2 == 0 {
            tx.commit().await.unwrap();
        }
    }
    let forgotten = "select 1 from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'";
    let end = Instant::now() + HEALED_MAX;
    while !owner_rows(&store, forgotten).await.unwrap().is_empty() {
        assert!(Instant::now() < end, "a connection in the pool stands inside a transaction");
    }
}

/// What it costs is one trip of the connection that it had, not a new connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_who_leave_during_the_begin_keep_the_pool_its_connections() {
    let Some(world) = World::new(Engine::Postgres).await else { return };
    let Location::Postgres { owner, .. } = &world.place.location else { return };
    let store = open(owner.clone(), 1).await;
    let backend = async || {
        let mut tx = begin(&store, ACME).await.unwrap();
        let row = tenant_rows(&mut tx, "select pg_backend_pid() as pid").await.unwrap();
        row[0].try_get_by::<i32, _>("pid").unwrap()
    };
    let before = backend().await;
    for n in 0..100u64 {
        drop(tokio::time::timeout(Duration::from_micros(n * 7), begin(&store, ACME)).await);
    }
    assert_eq!(backend().await, before);
}

/// A small disk; it is taken off again at the end.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where this process may not mount one.
    fn mount(at: &Path, size: &str, owner: &str) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let run = |program: &str, args: &[&str]| Command::new(program).args(args).arg(at).status().is_ok_and(|status| status.success());
        let mounted = is_root() && run("mount", &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]);
        testkit::require("tmpfs", (!mounted).then_some("this process may not mount a small disk")).then_some(())?;
        let disk = Self(at.to_owned());
        assert!(run("chown", &[owner]) && run("chmod", &["700"]));
        Some(disk)
    }

    /// Takes all the room there is.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        let mut file = std::fs::File::create(&path).unwrap();
        while std::io::Write::write_all(&mut file, &[0; 4096]).is_ok() {}
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // What stays mounted is seen by whoever runs the tests.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// Writes until the disk is full; the error that says so.
async fn write_until_full(store: &Store) -> StoreError {
    for n in 0..20_000 {
        let mut tx = match begin(store, ACME).await {
            Ok(tx) => tx,
            Err(error) => return error,
        };
        let rows = (0..500).map(|m| new_customer(&format!("{n}-{m}-{}", "x".repeat(200))));
        if let Err(error) = tx.insert_many(rows).await {
            return error;
        }
        if let Err(error) = tx.commit().await {
            return error;
        }
    }
    panic!("the disk is never full")
}

async fn survives_a_full_disk(store: &Store, disk: &SmallDisk) {
    add(store, ACME, "ann").await.unwrap();
    let filler = disk.fill();
    let full = write_until_full(store).await;
    assert!(matches!(full, StoreError::Full), "{full:?}");
    let tx = begin(store, ACME).await.unwrap();
    assert!(tx.find::<customer::Entity>().count().await.unwrap() > 0, "reads go on");
    drop(tx);
    std::fs::remove_file(filler).unwrap();
    add(store, ACME, "amy").await.expect("writes go on without a restart");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_under_postgres_refuses_writes_until_there_is_room() {
    let Some(server) = StoppablePostgres::start_durable().await else { return };
    let folder = format!("{}-small", server.folder());
    let Some(disk) = SmallDisk::mount(Path::new(&folder), "24m", "postgres") else { return };
    let store = open(server.url(), 4).await;
    owner_sql(&store, format!("create tablespace small location '{folder}'")).await.unwrap();
    owner_sql(&store, "alter role postgres set default_tablespace = 'small'").await.unwrap();
    store.close().await;
    let store = open(server.url(), 4).await;
    Plan::new(steps()).up(&store).await.unwrap();
    survives_a_full_disk(&store, &disk).await;
    store.close().await;
    drop(server);
    drop(disk);
    std::fs::remove_dir(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_under_sqlite_refuses_writes_until_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(&folder.path().join("small"), "8m", "root") else { return };
    let location = Location::Sqlite(disk.0.join("store.db"));
    let options = StoreOptions { location, connections_max: 2, durable: true, strict: true, guards: Guards::default(), valkey: None };
    let store = Store::open(options, Clock::system(), MasterKey::from_bytes([7; 32])).await.unwrap();
    Plan::new(steps()).up(&store).await.unwrap();
    survives_a_full_disk(&store, &disk).await;
    store.close().await;
}
