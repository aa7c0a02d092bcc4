//! How often a read asks the server and waits: counted between the two.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use kernel::Clock;
use store::{Engine, Guards, Location, MasterKey, Mode, Pin, Store, StoreOptions, Who};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;

use crate::world::{ACME, World, customer};

/// Stands between the program and the server, and counts the turns of their talk.
#[derive(Clone, Default)]
struct Between {
    trips: Arc<AtomicU32>,
    is_asking: Arc<AtomicBool>,
    /// Keeps the server's word back.
    is_deaf: Arc<AtomicBool>,
}

impl Between {
    /// Listens in `folder` and passes everything on to the server that listens in `server`.
    fn listen(&self, folder: &std::path::Path, server: PathBuf, tasks: &mut JoinSet<()>) {
        let listener = UnixListener::bind(folder.join(".s.PGSQL.5432")).unwrap();
        let here = self.clone();
        tasks.spawn(async move {
            let mut talks = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (server, here) = (UnixStream::connect(server.join(".s.PGSQL.5432")).await.unwrap(), here.clone());
                talks.spawn(async move {
                    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
                    tokio::join!(here.pass(from_client, to_server, true), here.pass(from_server, to_client, false));
                });
            }
        });
    }

    async fn pass(&self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, asks: bool) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            if self.is_asking.swap(asks, Ordering::SeqCst) != asks && asks {
                self.trips.fetch_add(1, Ordering::SeqCst);
            }
            while !asks && self.is_deaf.load(Ordering::SeqCst) {
                tokio::task::yield_now().await;
            }
            if to.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_waits_for_the_server_twice() {
    let Some(world) = World::new(Engine::Postgres).await else { return };
    let Location::Postgres { owner, .. } = &world.place.location else { return };
    let (address, server) = owner.split_once("?host=").unwrap();
    let (folder, between, mut tasks) = (tempfile::tempdir().unwrap(), Between::default(), JoinSet::new());
    between.listen(folder.path(), PathBuf::from(server), &mut tasks);
    let location = Location::Postgres { owner: format!("{address}?host={}", folder.path().display()), app: None, system: None };
    let options = StoreOptions { location, connections_max: 1, durable: true, strict: false, guards: Guards::default(), valkey: None };
    let store = Store::open(options, Clock::system(), MasterKey::from_bytes([7; 32])).await.unwrap();
    let mut counts = Vec::new();
    for _ in 0..3 {
        let before = between.trips.load(Ordering::SeqCst);
        let pin = Pin { org: ACME, who: Who::system("test"), rights: None };
        let tx = store.begin(pin, Mode::Read).await.unwrap();
        assert_eq!(tx.find_by_id::<customer::Entity>(world.ann.id).one().await.unwrap().as_ref(), Some(&world.ann));
        counts.push(between.trips.load(Ordering::SeqCst) - before);
        // It sends its end off, and whoever begins next hears how that went.
        between.is_deaf.store(true, Ordering::SeqCst);
        tx.commit().await.unwrap();
        let end = Instant::now() + Duration::from_secs(5);
        while between.trips.load(Ordering::SeqCst) - before < 3 {
            assert!(Instant::now() < end, "nobody told the server");
            tokio::task::yield_now().await;
        }
        between.is_deaf.store(false, Ordering::SeqCst);
        // What begins before the server's word is there would not be told from what was asked before it.
        while between.is_asking.load(Ordering::SeqCst) {
            assert!(Instant::now() < end, "the server says nothing");
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(counts[1..], [2, 2], "begin with the organization, the read: {counts:?}");
}
