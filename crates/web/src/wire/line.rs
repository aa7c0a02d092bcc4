//! What the guard of a connection and the service on it tell each other.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::Offence;

/// Bits of the word that hold the offence; the number of the request stands above them.
const OFFENCE_BITS: u32 = 8;

/// One connection of HTTP/1, seen from both ends: bytes in, requests out.
#[derive(Debug, Default)]
pub(crate) struct Line {
    /// Requests that reached the service.
    begun: AtomicU32,
    /// Requests that were answered.
    ended: AtomicU32,
    /// Which request is our own in place of a refused one, and why; zero while there is none.
    refused: AtomicU64,
}

impl Line {
    /// Says that request `number`, counted from one, stands in for one that was refused.
    pub(super) fn refuse(&self, number: u32, offence: Offence) {
        self.refused.store(u64::from(number) << OFFENCE_BITS | offence as u64, Ordering::Release);
    }

    /// Counts a request that begins; answers why it is refused, if it is. Nobody can forge that: it
    /// doesn't travel in the request.
    pub(crate) fn begin(&self) -> Option<Offence> {
        let number = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
        let refused = self.refused.load(Ordering::Acquire);
        if refused >> OFFENCE_BITS != u64::from(number) {
            return None;
        }
        Offence::ALL.into_iter().find(|offence| *offence as u64 == refused & ((1 << OFFENCE_BITS) - 1))
    }

    /// Counts a request that was answered.
    pub(crate) fn end(&self) {
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether a request is being worked on.
    pub(super) fn is_busy(&self) -> bool {
        self.begun.load(Ordering::Relaxed) != self.ended.load(Ordering::Relaxed)
    }
}
