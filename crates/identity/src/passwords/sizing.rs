//! Sizing argon2id to a machine: how long a hash takes here, and which cost fits a wanted time.
//!
//! Memory is what makes guessing dear (RFC 9106, 4), so it is raised first, as far as time and
//! memory allow; passes take what time is left.

use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};

use super::{Cost, MEMORY_KIB_MIN, PASSES_MIN};

/// The memories that are tried, in KiB: from the least that is safe to the most that a stored hash may
/// ask for.
const MEMORIES_KIB: [u32; 7] = [MEMORY_KIB_MIN, 32 * 1024, 48 * 1024, 64 * 1024, 96 * 1024, 128 * 1024, 256 * 1024];
/// More passes over the same memory cost us as much as whoever guesses.
const PASSES_MAX: u32 = 8;
/// The quickest of so many tries counts: what else the machine did meanwhile is no cost of hashing.
const TRIES: usize = 3;

/// A cost, and how long a hash takes at it while as many run beside it as may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sized {
    pub cost: Cost,
    pub time: Duration,
}

/// Measures one cost. Takes a few hundred milliseconds of every core that `parallel` asks for.
pub fn time_of(cost: Cost) -> Result<Sized, String> {
    let params = Params::new(cost.memory_kib, cost.passes, 1, Some(32)).map_err(|error| error.to_string())?;
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let mut buffers = vec![vec![Block::default(); params.block_count()]; cost.parallel.max(1)];
    let mut best = Duration::MAX;
    for _ in 0..TRIES {
        best = best.min(one_round(&hasher, &mut buffers)?);
    }
    Ok(Sized { cost, time: best })
}

/// One hash in every buffer at the same time; the slowest counts.
fn one_round(hasher: &Argon2<'_>, buffers: &mut [Vec<Block>]) -> Result<Duration, String> {
    let times = std::thread::scope(|scope| {
        let started = buffers.iter_mut().map(|memory| {
            scope.spawn(move || {
                let (start, mut output) = (Instant::now(), [0; 32]);
                hasher.hash_password_into_with_memory(b"a password to measure with", &[7; 16], &mut output, memory)?;
                Ok::<_, argon2::Error>(start.elapsed())
            })
        });
        // Collected first, so that all run before the first is waited for.
        let started: Vec<_> = started.collect();
        started.into_iter().map(|hash| hash.join().map_err(|_| "a measuring thread panicked".to_owned())).collect::<Result<Vec<_>, _>>()
    })?;
    let times = times.into_iter().collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    Ok(times.into_iter().max().unwrap_or_default())
}

/// The dearest cost whose hashes take at most `target` here, `parallel` at a time within
/// `memory_max_kib` altogether; never less than what is safe, even where that takes longer.
pub fn fitting(target: Duration, parallel: usize, memory_max_kib: u64) -> Result<Sized, String> {
    let parallel = parallel.max(1);
    let least = Cost { memory_kib: MEMORY_KIB_MIN, passes: PASSES_MIN, parallel };
    let mut found = time_of(least)?;
    for memory_kib in MEMORIES_KIB.into_iter().skip(1) {
        let all = u64::from(memory_kib) * u64::try_from(parallel).unwrap_or(u64::MAX);
        // Time grows with memory: where a smaller one takes this long, a larger one need not be tried.
        if all > memory_max_kib || found.time > target {
            break;
        }
        let tried = time_of(Cost { memory_kib, ..least })?;
        if tried.time > target {
            break;
        }
        found = tried;
    }
    let passes = passes_within(target, found.time);
    if passes > PASSES_MIN { time_of(Cost { passes, ..found.cost }) } else { Ok(found) }
}

/// Passes that fit, where [`PASSES_MIN`] of them take `time`.
fn passes_within(target: Duration, time: Duration) -> u32 {
    let one = time / PASSES_MIN;
    let fitting = target.as_micros() / one.as_micros().max(1);
    u32::try_from(fitting).unwrap_or(PASSES_MAX).clamp(PASSES_MIN, PASSES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_that_is_safe_is_proposed_even_where_it_takes_long() {
        let found = fitting(Duration::ZERO, 1, 0).expect("it measures");
        assert_eq!(found.cost, Cost { memory_kib: MEMORY_KIB_MIN, passes: PASSES_MIN, parallel: 1 });
        assert!(found.time > Duration::ZERO);
    }

    #[test]
    fn passes_take_the_time_that_is_left() {
        let ms = Duration::from_millis;
        assert_eq!(passes_within(ms(100), ms(40)), 5);
        assert_eq!(passes_within(ms(100), ms(90)), 2);
        assert_eq!(passes_within(ms(10), ms(90)), 2);
        assert_eq!(passes_within(ms(10_000), ms(2)), PASSES_MAX);
    }
}
