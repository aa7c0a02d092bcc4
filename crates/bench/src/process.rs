//! What a process used, as the kernel counts it.

use std::fs;
use std::process::Child;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// Ticks of the counters in `/proc`: `USER_HZ`, which is 100 on every Linux.
const TICKS_PER_S: u64 = 100;

/// A child that ends with its handle.
pub struct Owned(pub Child);

impl Owned {
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Stat {
    parent: u32,
    own_ticks: u64,
    /// Of children that were waited for.
    ended_ticks: u64,
}

fn stat(id: u32) -> Result<Stat> {
    let line = fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The name in parentheses may hold spaces; what follows it is numbers.
    let rest = line.rsplit_once(") ").context("an unknown form of /proc/…/stat")?.1;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |place: usize| fields.get(place).and_then(|field| field.parse::<u64>().ok()).context("a number in /proc/…/stat");
    Ok(Stat { parent: number(1)? as u32, own_ticks: number(11)? + number(12)?, ended_ticks: number(13)? + number(14)? })
}

fn of_ticks(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1000 / TICKS_PER_S)
}

/// CPU time of one process, user and system, all its threads.
pub fn cpu(id: u32) -> Result<Duration> {
    Ok(of_ticks(stat(id)?.own_ticks))
}

/// CPU time of a process and all its children, living and ended: a Postgres server has one for each
/// connection.
pub fn cpu_of_family(id: u32) -> Result<Duration> {
    let head = stat(id)?;
    let mut ticks = head.own_ticks + head.ended_ticks;
    for entry in fs::read_dir("/proc")?.filter_map(Result::ok) {
        let Some(child) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // A process may end between the listing and the reading.
        if let Ok(child) = stat(child)
            && child.parent == id
        {
            ticks += child.own_ticks;
        }
    }
    Ok(of_ticks(ticks))
}

/// Resident memory.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    pub now_mb: f64,
    pub peak_mb: f64,
}

pub fn memory(id: u32) -> Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let mb = |field: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(field)).with_context(|| format!("{field} in /proc/…/status"))?;
        let kib: f64 = line.trim_start_matches(':').trim().trim_end_matches("kB").trim().parse()?;
        anyhow::Ok(kib * 1024.0 / 1e6)
    };
    Ok(Memory { now_mb: mb("VmRSS")?, peak_mb: mb("VmHWM")? })
}

/// Begins the peak anew at what is resident now.
pub fn forget_peak(id: u32) -> Result<()> {
    Ok(fs::write(format!("/proc/{id}/clear_refs"), "5")?)
}
