//! How slowly an answer may be read: whoever takes less than a trickle holds memory for nothing.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// What a reader must take per second, on average: less than any modem ever took.
pub(crate) const FLOOR_BYTES_PER_S: u64 = 512;

/// One wait for the other side: it may last `grace`, and longer by what has moved meanwhile.
#[derive(Debug)]
pub(crate) struct Stall {
    grace: Duration,
    /// When the wait began; none while everything moves.
    since: Option<Instant>,
    moved: u64,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Stall {
    pub(crate) const fn new(grace: Duration) -> Self {
        Self { grace, since: None, moved: 0, timer: None }
    }

    /// So many bytes moved.
    pub(crate) fn moved(&mut self, bytes: usize) {
        if self.since.is_some() {
            self.moved += bytes as u64;
        }
    }

    /// Nothing is waited for any more.
    pub(crate) fn over(&mut self) {
        self.since = None;
    }

    /// Waits; ready when the other side was too slow.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let since = *self.since.get_or_insert_with(|| {
            self.moved = 0;
            Instant::now()
        });
        let deadline = since + self.grace + Duration::from_secs(self.moved / FLOOR_BYTES_PER_S);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        timer.as_mut().poll(cx)
    }
}
