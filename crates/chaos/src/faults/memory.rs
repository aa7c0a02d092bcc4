//! A ceiling of 512 MB, and two hundred people who sign in at once.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Method;
use testkit::{PASSWORD, json};
use tokio::task::JoinSet;

use crate::judge::Findings;
use crate::probe::Probe;
use crate::series::Series;
use crate::somebody::send;
use crate::world::World;

/// The ceiling.
pub const MEMORY_MAX: u64 = 512 * 1024 * 1024;
/// People at the door.
const PEOPLE: usize = 200;
/// Nobody else waits longer than this while they are let in; on an idle machine it is milliseconds.
const OTHERS_MAX: Duration = Duration::from_secs(1);
/// Answers to somebody who signs in while there is a crowd.
const HONEST: [u16; 3] = [200, 429, 503];

pub async fn run(series: &mut Series) {
    let mut world = series.world().await;
    let group = Group::make(world.server.pid());
    series
        .tally
        .notes
        .push(group.as_ref().map_or("no control group here, so the peak was measured", |_| "in a control group of 512 MB").to_owned());
    let mut worst = Duration::ZERO;
    for _ in 0..series.rounds {
        let found = round(&mut world, &mut worst).await;
        let found = world.judge().await.and(found);
        series.round(&world, &found);
    }
    series.tally.notes.push(format!("peak {} MB, others waited {} ms at most", peak(world.server.pid()) / 1024 / 1024, worst.as_millis()));
    series.close(world).await;
    drop(group);
}

async fn round(world: &mut World, worst: &mut Duration) -> Findings {
    let probe = Probe::begin(&world.cast.clerk, "/v1/customers?limit=1");
    let mut crowd = JoinSet::new();
    for _ in 0..PEOPLE {
        let shown = json!({"email": "ada@northwind.test", "password": PASSWORD});
        crowd.spawn(send(world.cast.nobody.request(Method::POST, "/v1/auth/login").json(&shown)));
    }
    let answers = crowd.join_all().await;
    let waits = probe.end().await;
    let mut found = Findings { broken: waits.failed.clone(), ..Findings::default() };
    let mut is_anybody_in = false;
    for answer in answers {
        match answer {
            Ok(answer) if HONEST.contains(&answer.status) => is_anybody_in |= answer.status == 200,
            other => found.broken.push(format!("a sign-in was answered with {other:?}")),
        }
    }
    if !is_anybody_in {
        found.broken.push(format!("none of {PEOPLE} was let in"));
    }
    let slowest = waits.of_hundred(100);
    *worst = (*worst).max(slowest);
    if slowest > OTHERS_MAX {
        found.broken.push(format!("others waited {} ms while {PEOPLE} signed in", slowest.as_millis()));
    }
    if !world.server.runs() {
        found.broken.push(format!("the process did not live through it: {}", world.server.talk()));
    }
    let peak = peak(world.server.pid());
    if peak > MEMORY_MAX {
        found.broken.push(format!("{} MB at its peak", peak / 1024 / 1024));
    }
    found
}

/// The most memory that a process ever had, in bytes.
pub fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default() * 1024
}

/// A control group with a ceiling; gone when dropped, after its process ended.
struct Group(PathBuf);

impl Group {
    /// Puts the process under the ceiling, where this machine lets us.
    fn make(pid: u32) -> Option<Self> {
        let name = format!("chaos-{pid}");
        let second = PathBuf::from("/sys/fs/cgroup").join(&name);
        let first = PathBuf::from("/sys/fs/cgroup/memory").join(&name);
        let (folder, ceiling) = if first.parent()?.is_dir() { (first, "memory.limit_in_bytes") } else { (second, "memory.max") };
        std::fs::create_dir(&folder).ok()?;
        let group = Self(folder);
        std::fs::write(group.0.join(ceiling), MEMORY_MAX.to_string()).ok()?;
        std::fs::write(group.0.join("cgroup.procs"), pid.to_string()).ok()?;
        Some(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // An empty group is removed as a folder; one that is left behind holds nothing.
        std::fs::remove_dir(&self.0).ok();
    }
}
