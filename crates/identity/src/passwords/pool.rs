//! Argon2id in a bounded pool: hashing is slow by design, so only a few run at a time, away from
//! the threads that serve requests, each in a memory buffer that is kept and used again (freed
//! blocks of this size stay with the allocator and would add up under a burst of sign-ins).

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use kernel::{Failure, General, chance};
use subtle::ConstantTimeEq as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Password, aside};

/// OWASP's least memory for argon2id with two passes: 19 MiB.
pub const MEMORY_KIB_MIN: u32 = 19 * 1024;
/// OWASP's least number of passes at that memory.
pub const PASSES_MIN: u32 = 2;
/// One lane: parallelism comes from hashing for several people, not from splitting one hash.
const LANES: u32 = 1;
/// A stored hash never asks for more than this, whatever a row says: 256 MiB.
const MEMORY_KIB_MAX: u32 = 256 * 1024;
/// Bytes of the result, as RFC 9106 recommends.
const OUTPUT_BYTES: usize = 32;
/// Bytes of the salt, as RFC 9106 recommends.
const SALT_BYTES: usize = 16;
/// Callers that may wait for a turn: with more, the last would wait longer than anyone does.
const WAITING_MAX: usize = 512;
/// How long a caller waits for a turn before being told to come back.
const WAIT_MAX: Duration = Duration::from_secs(15);
/// Seconds after which somebody who was turned away may try again.
const RETRY_AFTER_S: u64 = 2;

/// What one hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    pub memory_kib: u32,
    pub passes: u32,
    /// Hashes that are computed at the same time; each holds one buffer of `memory_kib`.
    pub parallel: usize,
}

/// The outcome of comparing a password with a stored hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    pub matches: bool,
    /// The stored hash was made at another cost than today's and should be made anew.
    pub is_outdated: bool,
}

/// Hashes and verifies passwords; clones share the buffers and the bound.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    params: Params,
    permits: Arc<Semaphore>,
    buffers: Mutex<Vec<Vec<Block>>>,
    waiting: AtomicUsize,
    /// How many were asked for so far: what a sign-in costs, and that it costs the same for nobody.
    computed: AtomicU64,
    /// Compared with when the address is unknown: the same work, and it never matches.
    nobody: String,
}

impl Pool {
    /// `Err` when the cost is below the least that is safe or above what a machine has.
    pub fn new(cost: Cost) -> Result<Self, String> {
        if !(MEMORY_KIB_MIN..=MEMORY_KIB_MAX).contains(&cost.memory_kib) {
            return Err(format!("memory must be from {MEMORY_KIB_MIN} to {MEMORY_KIB_MAX} KiB"));
        }
        if cost.passes < PASSES_MIN || cost.parallel == 0 {
            return Err(format!("needs at least {PASSES_MIN} passes and one at a time"));
        }
        let params = Params::new(cost.memory_kib, cost.passes, LANES, Some(OUTPUT_BYTES)).map_err(|error| error.to_string())?;
        let nobody = write(&params, &[0; SALT_BYTES], &[0; OUTPUT_BYTES]).map_err(|error| error.to_string())?;
        Ok(Self(Arc::new(Inner {
            params,
            permits: Arc::new(Semaphore::new(cost.parallel)),
            buffers: Mutex::default(),
            waiting: AtomicUsize::new(0),
            computed: AtomicU64::new(0),
            nobody,
        })))
    }

    /// A hash that can be read like any other and that no password matches.
    pub fn nobody(&self) -> &str {
        &self.0.nobody
    }

    /// How many hashes this pool was asked to compute.
    pub fn computed(&self) -> u64 {
        self.0.computed.load(Ordering::Relaxed)
    }

    /// The hash of a new password, as a PHC string.
    pub async fn hash(&self, password: &Password) -> Result<String, Failure> {
        let (password, params) = (password.clone(), self.0.params.clone());
        self.0.computed.fetch_add(1, Ordering::Relaxed);
        self.run(move |memory| {
            let salt = chance::bytes::<SALT_BYTES>();
            let output = compute(&params, &salt, &password, memory)?;
            write(&params, &salt, &output)
        })
        .await?
        .map_err(Failure::internal)
    }

    /// Compares; `None` (an address that nobody has) costs the same and never matches.
    pub async fn verify(&self, password: &Password, stored: Option<&str>) -> Result<Verdict, Failure> {
        let known = stored.is_some();
        let phc = stored.unwrap_or(&self.0.nobody).to_owned();
        let (password, today) = (password.clone(), self.0.params.clone());
        self.0.computed.fetch_add(1, Ordering::Relaxed);
        let verdict = self.run(move |memory| compare(&phc, &password, &today, memory)).await?.map_err(Failure::internal)?;
        Ok(Verdict { matches: verdict.matches && known, ..verdict })
    }

    /// Runs other slow work about passwords, such as judging one, under the same bound.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce(&mut Vec<Block>) -> T + Send + 'static) -> Result<T, Failure> {
        let permit = self.turn().await?;
        let inner = Arc::clone(&self.0);
        aside::run(move || {
            // The permit goes with the work: a caller that hangs up must not let another one in early.
            let _permit = permit;
            let mut memory = inner.buffers.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
            let result = work(&mut memory);
            inner.buffers.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
            result
        })
        .await
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, Failure> {
        let busy = || Failure::new(General::DependencyUnavailable).retry_after(RETRY_AFTER_S);
        let waiting = Waiting::enter(&self.0.waiting).ok_or_else(busy)?;
        let permit = tokio::time::timeout(WAIT_MAX, Arc::clone(&self.0.permits).acquire_owned()).await.map_err(|_| busy())?;
        drop(waiting);
        permit.map_err(Failure::internal)
    }
}

/// A place in the queue, given back however the wait ends.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize) -> Option<Self> {
        let place = Self(count);
        (count.fetch_add(1, Ordering::Relaxed) < WAITING_MAX).then_some(place)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug, thiserror::Error)]
enum HashError {
    #[error("a stored password hash cannot be read: {0}")]
    Unreadable(String),
    #[error("argon2: {0}")]
    Argon2(#[from] argon2::Error),
}

fn compute(params: &Params, salt: &[u8], password: &Password, memory: &mut Vec<Block>) -> Result<[u8; OUTPUT_BYTES], HashError> {
    memory.resize(params.block_count().max(memory.len()), Block::default());
    let mut output = [0; OUTPUT_BYTES];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone()).hash_password_into_with_memory(
        password.text().as_bytes(),
        salt,
        &mut output,
        &mut memory[..params.block_count()],
    )?;
    Ok(output)
}

fn write(params: &Params, salt: &[u8], output: &[u8]) -> Result<String, HashError> {
    let unreadable = |error: &dyn std::fmt::Display| HashError::Unreadable(error.to_string());
    let phc = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).map_err(|error| unreadable(&error))?,
        salt: Some(Salt::new(salt).map_err(|error| unreadable(&error))?),
        hash: Some(Output::new(output).map_err(|error| unreadable(&error))?),
    };
    Ok(phc.to_string())
}

fn compare(phc: &str, password: &Password, today: &Params, memory: &mut Vec<Block>) -> Result<Verdict, HashError> {
    let stored = PasswordHash::new(phc).map_err(|error| HashError::Unreadable(error.to_string()))?;
    let params = Params::try_from(&stored).map_err(|error| HashError::Unreadable(error.to_string()))?;
    let (Some(salt), Some(hash)) = (stored.salt, stored.hash) else {
        return Err(HashError::Unreadable("salt or hash is missing".into()));
    };
    if stored.algorithm != Algorithm::Argon2id.ident() || params.m_cost() > MEMORY_KIB_MAX {
        return Err(HashError::Unreadable("not an argon2id hash within the bounds".into()));
    }
    let output = compute(&params, salt.as_ref(), password, memory)?;
    let is_outdated = (params.m_cost(), params.t_cost(), params.p_cost()) != (today.m_cost(), today.t_cost(), today.p_cost());
    Ok(Verdict { matches: output.ct_eq(hash.as_bytes()).into(), is_outdated })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Secret;

    const LEAST: Cost = Cost { memory_kib: MEMORY_KIB_MIN, passes: PASSES_MIN, parallel: 2 };

    fn password(text: &str) -> Password {
        Password::read(&Secret::new(text)).unwrap()
    }

    #[tokio::test]
    async fn only_the_very_same_password_matches() {
        let pool = Pool::new(LEAST).unwrap();
        let hash = pool.hash(&password("Violet tractor")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(pool.verify(&password("Violet tractor"), Some(&hash)).await.unwrap().matches);
        for other in ["violet tractor", "Violet tractor ", "Violet tracto", ""] {
            assert!(!pool.verify(&password(other), Some(&hash)).await.unwrap().matches, "{other:?}");
        }
    }

    #[tokio::test]
    async fn every_byte_counts_beyond_the_seventy_second() {
        let pool = Pool::new(LEAST).unwrap();
        let long = "x".repeat(80);
        let hash = pool.hash(&password(&format!("{long}a"))).await.unwrap();
        assert!(!pool.verify(&password(&format!("{long}b")), Some(&hash)).await.unwrap().matches);
    }

    #[tokio::test]
    async fn nobody_never_matches_and_is_hashed_all_the_same() {
        let pool = Pool::new(LEAST).unwrap();
        let verdict = pool.verify(&password("Violet tractor"), None).await.unwrap();
        assert_eq!(verdict, Verdict { matches: false, is_outdated: false });
        assert_eq!(pool.0.buffers.lock().unwrap().len(), 1, "the work was done in a buffer");
    }

    #[tokio::test]
    async fn a_hash_of_another_cost_still_matches_and_is_outdated() {
        let old = Pool::new(LEAST).unwrap().hash(&password("Violet tractor")).await.unwrap();
        let pool = Pool::new(Cost { memory_kib: 20 * 1024, ..LEAST }).unwrap();
        assert_eq!(pool.verify(&password("Violet tractor"), Some(&old)).await.unwrap(), Verdict { matches: true, is_outdated: true });
    }

    #[tokio::test]
    async fn a_burst_uses_no_more_buffers_than_permits() {
        let pool = Pool::new(LEAST).unwrap();
        let secret = password("Violet tractor");
        futures::future::join_all((0..8).map(|_| pool.verify(&secret, None))).await;
        assert!(pool.0.buffers.lock().unwrap().len() <= LEAST.parallel);
        assert_eq!(pool.0.waiting.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_cost_below_the_recommendation_is_refused() {
        assert!(Pool::new(Cost { memory_kib: 8 * 1024, ..LEAST }).is_err());
        assert!(Pool::new(Cost { passes: 1, ..LEAST }).is_err());
    }

    #[tokio::test]
    async fn a_row_cannot_ask_for_all_memory_or_another_algorithm() {
        let pool = Pool::new(LEAST).unwrap();
        for hash in [
            "",
            "plain",
            "$argon2id$v=19$m=4194304,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$argon2d$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert!(pool.verify(&password("x"), Some(hash)).await.is_err(), "{hash}");
        }
    }
}
