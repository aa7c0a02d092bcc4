//! Who was recognized a moment ago. A verified token or a session's row is believed for four
//! seconds without asking again, and not one request longer than this replica ended any session.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration as RealDuration;

use chrono::Duration;
use host::Core;
use kernel::{At, Failure};
use moka::sync::Cache;
use tokio::sync::Notify;

use crate::Identity;
use crate::sessions::Alive;

/// How long another replica's revocation may go unnoticed here. Less than the five seconds that are
/// promised (ASVS 7.4.1): the look that is remembered takes a moment itself, and so does the answer.
const LIFETIME: Duration = Duration::seconds(4);
/// Sessions that are in use at the same moment; beyond it the least used are read anew.
const SESSIONS_MAX: u64 = 50_000;

/// A session that was alive, and until when that may be believed.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub session: Arc<Alive>,
    read_at: At,
    /// When the session or the token ends by itself.
    ends_at: At,
    generation: u64,
}

/// Where the reading of a row began: what it finds counts only if nothing was forgotten since.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading(u64);

/// The memory, keyed by the digest of what was shown.
pub(crate) struct Remembered {
    seen: Cache<String, Seen>,
    /// Goes up whenever a session of any account ends here. Coarse, and therefore never wrong: a
    /// reading that was under way when the session ended is of the generation before.
    generation: AtomicU64,
    /// Woken when something ended here that the other replicas should hear of.
    ended: Notify,
}

impl Default for Remembered {
    fn default() -> Self {
        let real = RealDuration::from_secs(LIFETIME.num_seconds().unsigned_abs());
        Self {
            seen: Cache::builder().max_capacity(SESSIONS_MAX).time_to_live(real).build(),
            generation: AtomicU64::new(0),
            ended: Notify::new(),
        }
    }
}

impl Remembered {
    /// The session behind this digest, if it may still be believed.
    pub fn get(&self, digest: &str, now: At) -> Option<Arc<Alive>> {
        let seen = self.seen.get(digest)?;
        let current = seen.generation == self.generation.load(Ordering::SeqCst);
        // Our clock may have been moved, either way.
        let fresh = (now - seen.read_at).abs() < LIFETIME && now < seen.ends_at;
        (current && fresh).then_some(seen.session)
    }

    /// To be asked before the row is read.
    pub fn reading(&self) -> Reading {
        Reading(self.generation.load(Ordering::SeqCst))
    }

    /// Whether nothing was forgotten since this reading began.
    pub fn is_current(&self, reading: Reading) -> bool {
        reading.0 == self.generation.load(Ordering::SeqCst)
    }

    /// Believes what was read for the lifetime from now on, and never past `ends_at`.
    pub fn keep(&self, digest: String, reading: Reading, session: Arc<Alive>, now: At, ends_at: At) {
        self.seen.insert(digest, Seen { session, read_at: now, ends_at, generation: reading.0 });
    }

    /// Believes nothing any more, and has the other replicas do the same. To be called after the commit
    /// that ended something.
    pub fn forget(&self) {
        self.forget_here();
        self.ended.notify_one();
    }

    fn forget_here(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }
}

/// What the other replicas are told when a session ended.
const ENDED: &str = "identity.session_ended";

/// Tells the other replicas when something ended here, and forgets when something ended there or may
/// have. Where nobody can be told, the lifetime is the bound.
pub(crate) async fn share(core: Core) -> Result<(), Failure> {
    let identity = Identity::of(&core);
    let mut elsewhere = core.store.key_value().hear(ENDED);
    let stopping = core.tasks.stopping();
    tokio::pin!(stopping);
    loop {
        tokio::select! {
            () = &mut stopping => return Ok(()),
            () = identity.remembered.ended.notified() => core.store.key_value().tell(ENDED, ""),
            _ = elsewhere.next() => identity.remembered.forget_here(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn noon() -> At {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    fn alive() -> Arc<Alive> {
        let (id, at) = (Uuid::nil(), noon());
        let (email, full_name, kind) = (String::new(), String::new(), "browser".into());
        Arc::new(Alive {
            session: id,
            account: id,
            org: None,
            kind,
            last_seen_at: at,
            idle_expires_at: at,
            expires_at: at,
            email,
            full_name,
            email_verified_at: None,
            proven_at: None,
        })
    }

    fn with_one(ends_after: Duration) -> Remembered {
        let memory = Remembered::default();
        memory.keep("d".into(), memory.reading(), alive(), noon(), noon() + ends_after);
        memory
    }

    #[test]
    fn a_session_is_believed_for_four_seconds_by_our_clock() {
        let memory = with_one(Duration::hours(1));
        assert!(memory.get("d", noon() + Duration::milliseconds(3999)).is_some());
        assert!(memory.get("d", noon() + LIFETIME).is_none());
        assert!(memory.get("d", noon() - LIFETIME).is_none());
    }

    #[test]
    fn nothing_is_believed_past_its_own_end() {
        let memory = with_one(Duration::seconds(2));
        assert!(memory.get("d", noon() + Duration::seconds(2)).is_none());
    }

    #[test]
    fn a_revocation_holds_at_once_even_for_a_reading_under_way() {
        let memory = with_one(Duration::hours(1));
        let reading = memory.reading();
        memory.forget();
        assert!(memory.get("d", noon()).is_none());
        memory.keep("d".into(), reading, alive(), noon(), noon() + Duration::hours(1));
        assert!(memory.get("d", noon()).is_none(), "it was read before the end was committed");
    }
}
