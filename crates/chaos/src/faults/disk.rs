//! The disk is full: writes are refused with 507 or 503, reads go on, and when there is room again it
//! works, without a restart.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use testkit::{StoppablePostgres, TestEngine, json};
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::Place;
use crate::judge::Findings;
use crate::load::Load;
use crate::series::Series;
use crate::somebody::until;
use crate::world::World;

const CLIENTS: usize = 4;
const WORLD_ROUNDS: u32 = 20;
/// The size of the disk: room for a database and a series.
const SQLITE_DISK: &str = "size=48m";
/// A cluster alone takes some 40 MB, and its log segments 16 MB each.
const POSTGRES_DISK: &str = "size=400m,mode=1777";
/// Writes until the first one is refused: freed pages and segments are used up first.
const WRITES_MAX: usize = 400;
/// What one write brings, so that the disk is soon really full.
const WEIGHT: usize = 150;
/// It works again this long after there is room.
const HEALED_MAX: Duration = Duration::from_secs(5);

pub async fn run(series: &mut Series) {
    let mut left = series.rounds;
    while left > 0 {
        let Some(disk) = Disk::mount(series.engine).await else {
            series.tally.notes.push("skipped: a disk can't be mounted here".to_owned());
            return;
        };
        let mut world = begin(series, &disk).await;
        let mut notes = Counts::default();
        for _ in 0..left.min(WORLD_ROUNDS) {
            let found = round(series, &mut world, &disk, &mut notes).await;
            series.round(&world, &found);
        }
        left = left.saturating_sub(WORLD_ROUNDS);
        series.tally.count("writes refused", notes.refused);
        series.tally.count("reads served while it was full", notes.read);
        series.close(world).await;
    }
}

#[derive(Default)]
struct Counts {
    refused: u64,
    read: u64,
}

async fn begin(series: &mut Series, disk: &Disk) -> World {
    let (name, seed) = series.next_name();
    let place = Place::sqlite();
    place.write("autorisen.yaml", "flows:\n  lease_s: 2\n  poll_max_ms: 200\n");
    let (place, database) = match series.engine {
        TestEngine::Sqlite => (place.var("DATABASE_URL", format!("sqlite:{}", disk.folder.join("autorisen.db").display())), None),
        TestEngine::Postgres => {
            let database = StoppablePostgres::start_in(&disk.folder).await.expect("a Postgres server can be started here");
            (place.var("DATABASE_URL", database.url()), Some(database))
        }
    };
    World::within(place, database, &series.folder, &name, seed).await
}

async fn round(series: &mut Series, world: &mut World, disk: &Disk, counts: &mut Counts) -> Findings {
    let base = world.server.base.clone();
    let load = Load::begin(world, &[base], CLIENTS);
    sleep(Duration::from_millis(series.dice.below(200))).await;
    world.journal.note("the disk is full");
    disk.fill();
    let mut found = is_full(world, counts).await;
    world.journal.note("there is room again");
    disk.free();
    let began = Instant::now();
    let works = until(HEALED_MAX, async || write(world, 1).await.ok().filter(|status| *status == 201)).await;
    found = found.and(series.within(began.elapsed(), HEALED_MAX, "writes go on"));
    load.end().await;
    if works.is_none() || !world.server.runs() {
        world.journal.wrong("it did not come back without a restart".to_owned());
    }
    world.judge().await.and(found)
}

/// Writes until a write is refused; then reads go on.
async fn is_full(world: &World, counts: &mut Counts) -> Findings {
    let mut found = Findings::default();
    for number in 0..WRITES_MAX {
        match write(world, WEIGHT).await {
            Ok(201) => {}
            Ok(503 | 507) => {
                counts.refused += 1;
                for path in ["/v1/customers?limit=5", "/v1/cases?limit=5", "/livez"] {
                    let read = world.cast.clerk.get(path).await;
                    counts.read += 1;
                    if read.status != 200 {
                        found.broken.push(format!("{path} on a full disk: {} {}", read.status, read.text));
                    }
                }
                return found;
            }
            other => found.broken.push(format!("write {number} on a full disk was answered with {other:?}")),
        }
    }
    found.broken.push(format!("none of {WRITES_MAX} writes was refused, so the disk was never full"));
    found
}

async fn write(world: &World, weight: usize) -> Result<u16, String> {
    let request = world.cast.clerk.request(reqwest::Method::POST, "/v1/customers").json(&json!({"name": "x".repeat(weight)}));
    crate::somebody::send(request).await.map(|answer| answer.status).map_err(|_| "no answer".to_owned())
}

/// A small disk of its own; gone when dropped.
struct Disk {
    folder: PathBuf,
    _holder: tempfile::TempDir,
}

impl Disk {
    async fn mount(engine: TestEngine) -> Option<Self> {
        let holder = tempfile::tempdir().ok()?;
        // Postgres runs as somebody else, who has to get there.
        Command::new("chmod").arg("755").arg(holder.path()).status().await.ok()?;
        let folder = holder.path().join("disk");
        std::fs::create_dir(&folder).ok()?;
        let size = if engine == TestEngine::Postgres { POSTGRES_DISK } else { SQLITE_DISK };
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", size, "tmpfs"]).arg(&folder).status().await.ok()?;
        mounted.success().then_some(Self { folder, _holder: holder })
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }

    /// Takes all room that there is.
    fn fill(&self) {
        let mut file = File::create(self.ballast()).expect("a name takes no room");
        for size in [1 << 20, 1 << 12] {
            let block = vec![0_u8; size];
            while file.write_all(&block).is_ok() {}
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.ballast()).expect("it was filled before");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        unmount(&self.folder);
    }
}

/// Lazily: a server that is just ending may still hold a file.
fn unmount(folder: &Path) {
    let _ = std::process::Command::new("umount").arg("-l").arg(folder).status();
}
