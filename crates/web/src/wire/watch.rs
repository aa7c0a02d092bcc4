//! Whether what was answered over HTTP/2 is taken. There each stream has a window of its own: a reader
//! who leaves them shut never stops the socket, so the clock of the wire doesn't see that they hold
//! finished answers in our memory for nothing.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http::Version;
use http_body::{Frame, SizeHint};

use super::stall::FLOOR_BYTES_PER_S;

/// Bytes that are handed out, and seen to be taken, at a time: little enough that a reader at the floor
/// takes one within the usual patience, enough that small answers stay in one piece.
const PIECE_BYTES: usize = 8 * 1024;

/// The answers of one connection that were handed out and are not on their way yet.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// HTTP/1 sends one answer after the other: there the socket itself tells.
    is_http2: AtomicBool,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    turn: u64,
    /// Answers so far: each has its number.
    answers: u64,
    /// The answers of which something waits, by their numbers.
    waiting: HashMap<u64, Waiting>,
    /// Bytes that were taken in this turn.
    taken: u64,
}

/// The pieces of one answer that were handed out. However many they are (the library asks for dozens ahead),
/// one reader takes them one after the other.
#[derive(Debug, Default)]
struct Waiting {
    open: u64,
    /// How many of those were open when this turn began.
    old: u64,
}

impl Watch {
    /// Notes what is spoken here.
    pub(crate) fn heard(&self, version: Version) {
        if version == Version::HTTP_2 {
            self.is_http2.store(true, Ordering::Relaxed);
        }
    }

    /// Ends when something is not taken for longer than `patience`: each answer that waits must be
    /// matched by the floor's trickle.
    pub(crate) async fn stalled(&self, patience: Duration) {
        loop {
            tokio::time::sleep(patience).await;
            if self.turn(patience) {
                tracing::debug!(event = "http.streams_stalled", "answers were not taken");
                return;
            }
        }
    }

    /// Begins the next turn; whether the last one, which took so long, was too slow.
    fn turn(&self, took: Duration) -> bool {
        let mut counts = self.counts();
        let old = counts.waiting.values().filter(|waiting| waiting.old > 0).count() as u64;
        let is_slow = counts.taken < old * seen_at_least(took);
        counts.turn += 1;
        counts.taken = 0;
        counts.waiting.values_mut().for_each(|waiting| waiting.old = waiting.open);
        is_slow
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().expect("no holder of this lock panics")
    }
}

/// What a reader at the floor is seen to take of one answer in this time, at least: of the piece that is under
/// way nothing is seen.
fn seen_at_least(took: Duration) -> u64 {
    (took.as_secs() * FLOOR_BYTES_PER_S).saturating_sub(PIECE_BYTES as u64).max(1)
}

/// Some bytes of an answer, until they were taken or nobody wants them any more.
struct Piece {
    bytes: Bytes,
    answer: u64,
    turn: u64,
    watch: Arc<Watch>,
}

impl Piece {
    fn new(bytes: Bytes, answer: u64, watch: Arc<Watch>) -> Self {
        let mut counts = watch.counts();
        counts.waiting.entry(answer).or_default().open += 1;
        let turn = counts.turn;
        drop(counts);
        Self { bytes, answer, turn, watch }
    }
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let mut counts = self.watch.counts();
        counts.taken += self.bytes.len() as u64;
        let is_old = self.turn != counts.turn;
        let Entry::Occupied(mut waiting) = counts.waiting.entry(self.answer) else { return };
        waiting.get_mut().open -= 1;
        waiting.get_mut().old -= u64::from(is_old);
        if waiting.get().open == 0 {
            waiting.remove();
        }
    }
}

/// The body of an answer, in pieces that are watched.
pub(crate) struct Watched {
    body: Body,
    /// What came of the body and was not handed out yet.
    rest: Bytes,
    /// Its number, where the socket itself does not tell.
    watch: Option<(u64, Arc<Watch>)>,
}

impl Watched {
    pub(crate) fn new(body: Body, watch: &Arc<Watch>) -> Self {
        let watch = watch.is_http2.load(Ordering::Relaxed).then(|| {
            let mut counts = watch.counts();
            counts.answers += 1;
            (counts.answers, watch.clone())
        });
        Self { body, rest: Bytes::new(), watch }
    }

    fn piece(&mut self, answer: u64, watch: Arc<Watch>) -> Frame<Bytes> {
        let bytes = self.rest.split_to(self.rest.len().min(PIECE_BYTES));
        Frame::data(Bytes::from_owner(Piece::new(bytes, answer, watch)))
    }
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let Some((answer, watch)) = this.watch.clone() else { return Pin::new(&mut this.body).poll_frame(cx) };
        if this.rest.is_empty() {
            let Some(frame) = ready!(Pin::new(&mut this.body).poll_frame(cx)?) else { return Poll::Ready(None) };
            match frame.into_data() {
                Ok(bytes) => this.rest = bytes,
                Err(other) => return Poll::Ready(Some(Ok(other))),
            }
        }
        Poll::Ready(Some(Ok(this.piece(answer, watch))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, inner) = (self.rest.len() as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + rest);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    const TURN: Duration = Duration::from_secs(20);

    fn watch() -> Arc<Watch> {
        let watch = Arc::new(Watch::default());
        watch.heard(Version::HTTP_2);
        watch
    }

    async fn next(body: &mut Watched) -> Bytes {
        body.frame().await.expect("a frame").expect("no fault").into_data().expect("data")
    }

    #[tokio::test]
    async fn a_piece_that_waits_for_a_whole_turn_is_too_slow() {
        let watch = watch();
        let mut body = Watched::new(Body::from("some words"), &watch);
        let held = next(&mut body).await;
        drop(body);
        assert!(!watch.turn(TURN), "it came during this turn");
        assert!(watch.turn(TURN), "it is held after its body, too");
        drop(held);
        assert!(!watch.turn(TURN));
    }

    #[tokio::test]
    async fn a_reader_at_the_floor_takes_as_long_as_they_like() {
        let watch = watch();
        let mut body = Watched::new(Body::from(vec![0; 50 * PIECE_BYTES]), &watch);
        // The library asks for all of it at once.
        let mut waiting = Vec::new();
        for _ in 0..50 {
            waiting.push(next(&mut body).await);
        }
        assert!(!watch.turn(TURN));
        // 512 bytes a second are 10 KiB in a turn: a piece in most of them, and two in some.
        for taken in [2, 1, 1, 1, 2, 1] {
            drop(waiting.drain(..taken));
            assert!(!watch.turn(TURN), "{} pieces wait", waiting.len());
        }
        assert!(watch.turn(TURN), "nothing at all was taken");
    }

    #[tokio::test]
    async fn each_answer_that_waits_asks_for_its_trickle() {
        let watch = watch();
        let mut bodies: Vec<_> = (0..5).map(|_| Watched::new(Body::from("some words"), &watch)).collect();
        let mut held = Vec::new();
        for body in &mut bodies {
            held.push(next(body).await);
        }
        let mut read = Watched::new(Body::from(vec![0; 2 * PIECE_BYTES]), &watch);
        assert!(!watch.turn(TURN));
        drop((next(&mut read).await, next(&mut read).await));
        assert!(!watch.turn(TURN), "one is read fast enough for the others, too");
        drop(held.pop());
        assert!(watch.turn(TURN), "four wait, and next to nothing is taken");
    }

    #[tokio::test]
    async fn a_body_is_whole_after_it_was_handed_out_in_pieces() {
        let watch = watch();
        let sent: Vec<u8> = (0..=250).cycle().take(2 * PIECE_BYTES + 1).collect();
        let mut body = Watched::new(Body::from(sent.clone()), &watch);
        let first = next(&mut body).await;
        let left = http_body::Body::size_hint(&body).exact();
        assert_eq!((first.len(), left, http_body::Body::is_end_stream(&body)), (PIECE_BYTES, Some(PIECE_BYTES as u64 + 1), false));
        let rest = body.collect().await.expect("a body").to_bytes();
        assert_eq!([first, rest].concat(), sent);
    }
}
