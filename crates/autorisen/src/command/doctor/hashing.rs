//! Password hashing, sized to this machine: what it costs now, and what fits.

use std::time::Duration;

use host::Prepared;
use identity::passwords::Cost;
use identity::passwords::sizing::{Sized, fitting, time_of};
use serde::Serialize;

use super::finding::Finding;
use super::machine::memory_kib;

const HASHING: &str = "hashing";
const MEMORY: &str = "memory";
/// A person doesn't notice a quarter of a second at sign-in, and whoever guesses pays it each time.
pub(super) const TARGET_MS: u64 = 250;
/// A sign-in that takes longer feels broken, and a handful of them stop the server.
const SLOW: Duration = Duration::from_secs(1);
/// Of the memory there is, hashing may hold this part: the rest belongs to requests and the database.
const MEMORY_PART: u64 = 4;
/// What is proposed differs from what is in force only where it matters: half the time, or twice.
const NEAR: u128 = 2;

/// The sizes, as data.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Hashing {
    target_ms: u64,
    memory_kib: Option<u64>,
    cores: usize,
    in_force: Option<Size>,
    /// argon2id with one lane: m, t, and how many at a time.
    recommended: Option<Size>,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Size {
    hash_memory_kib: u32,
    hash_passes: u32,
    hash_parallel: usize,
    lanes: u32,
    /// One hash, while as many as may run beside it.
    time_ms: u64,
}

impl From<Sized> for Size {
    fn from(sized: Sized) -> Self {
        let Cost { memory_kib, passes, parallel } = sized.cost;
        let time_ms = u64::try_from(sized.time.as_millis()).unwrap_or(u64::MAX);
        Self { hash_memory_kib: memory_kib, hash_passes: passes, hash_parallel: parallel, lanes: 1, time_ms }
    }
}

pub(super) async fn look(prepared: &Prepared, target: Duration) -> (Vec<Finding>, Hashing) {
    let cost = prepared.registry().part::<identity::HashCost>().map(|cost| cost.0);
    let memory = memory_kib();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let budget = memory.unwrap_or(u64::from(identity::passwords::MEMORY_KIB_MIN)) / MEMORY_PART;
    let measured = tokio::task::spawn_blocking(move || (cost.map(time_of), fitting(target, cores, budget))).await;
    let mut hashing = Hashing {
        target_ms: target.as_millis().try_into().unwrap_or(u64::MAX),
        memory_kib: memory,
        cores,
        in_force: None,
        recommended: None,
    };
    let Ok((now, Ok(best))) = measured else {
        return (vec![Finding::skipped(HASHING, "this machine did not let us measure")], hashing);
    };
    hashing.recommended = Some(best.into());
    let Some(Ok(now)) = now else {
        let what = format!("{} takes {} ms here", words(best.cost), best.time.as_millis());
        return (vec![Finding::ok(HASHING, what)], hashing);
    };
    hashing.in_force = Some(now.into());
    (vec![time(now, best), room(now.cost, memory)], hashing)
}

fn time(now: Sized, best: Sized) -> Finding {
    let what = format!("a password hash takes {} ms here ({})", now.time.as_millis(), words(now.cost));
    let hint = format!("{} takes {} ms: identity.hash_memory_kib, hash_passes and hash_parallel", words(best.cost), best.time.as_millis());
    if now.time > SLOW {
        return Finding::warning(HASHING, what).hint(hint);
    }
    let is_near = best.time.as_micros() < NEAR * now.time.as_micros();
    let finding = Finding::ok(HASHING, what);
    if is_near { finding } else { finding.hint(format!("this machine can do more for the same patience: {hint}")) }
}

fn words(cost: Cost) -> String {
    format!("argon2id m={} t={} p=1, {} at a time", cost.memory_kib, cost.passes, cost.parallel)
}

fn room(cost: Cost, memory: Option<u64>) -> Finding {
    let held = u64::from(cost.memory_kib) * u64::try_from(cost.parallel).unwrap_or(u64::MAX);
    let Some(memory) = memory else { return Finding::skipped(MEMORY, "this machine doesn't say how much it has") };
    let what = format!("hashing holds up to {} of {} MB", held / 1024, memory / 1024);
    if held > memory / 2 {
        return Finding::fault(MEMORY, what).hint("lower identity.hash_memory_kib or identity.hash_parallel");
    }
    if held > memory / MEMORY_PART {
        return Finding::warning(MEMORY, what).hint("lower identity.hash_memory_kib or identity.hash_parallel");
    }
    Finding::ok(MEMORY, what)
}
