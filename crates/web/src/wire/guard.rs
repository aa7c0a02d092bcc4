//! The guarded stream: bytes in pass the framing, bytes out and pauses pass the clock.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::framing::Framing;
use super::stall::Stall;
use super::{Line, Offence, head};

/// What is read at a time while a head is not whole.
const READ_BYTES: usize = 4 * 1024;
/// With less room than this in the reader's own buffer a head is gathered in ours.
const ROOM_MIN_BYTES: usize = 1024;
/// How long the rest of a refused request is read and thrown away, so that its sender gets to read
/// the answer: a socket that is closed with bytes unread takes the answer down with it.
const LINGER: Duration = Duration::from_secs(2);
/// The most that is thrown away.
const LINGER_BYTES: usize = 4 * 1024 * 1024;

/// The times of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// For a head, from its first byte; the first one from the beginning of the connection.
    pub head: Duration,
    /// Between requests.
    pub idle: Duration,
    /// For a reader of an answer that takes nothing.
    pub stall: Duration,
}

/// A stream whose requests have one reading.
pub(crate) struct Guarded<S> {
    stream: S,
    framing: Framing,
    /// Bytes that were read and did not go on yet.
    held: Vec<u8>,
    /// How many of them may.
    cleared: usize,
    gate: Gate,
    line: Arc<Line>,
    patience: Patience,
    pause: Pause,
    /// When the present pause began.
    since: Instant,
    timer: Option<Pin<Box<Sleep>>>,
    stall: Stall,
    lingered: usize,
}

/// What is behind the cleared bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gate {
    Open,
    /// Nothing: the last request was refused, and its answer is on its way.
    Refused,
    /// An error in the middle of a body.
    Broken,
    /// The end: nothing came for too long.
    Over,
}

/// What a connection waits for while no byte comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pause {
    None,
    Idle,
    /// The rest of a head, or the first head of all.
    Head,
}

impl<S> Guarded<S> {
    pub(crate) fn new(stream: S, line: Arc<Line>, patience: Patience) -> Self {
        Self {
            stream,
            framing: Framing::begin(),
            held: Vec::new(),
            cleared: 0,
            gate: Gate::Open,
            line,
            patience,
            pause: Pause::None,
            since: Instant::now(),
            timer: None,
            stall: Stall::new(patience.stall),
            lingered: 0,
        }
    }

    /// Hands on what is cleared.
    fn hand_on(&mut self, out: &mut ReadBuf<'_>) {
        let bytes = self.cleared.min(out.remaining());
        out.put_slice(&self.held[..bytes]);
        self.cleared -= bytes;
        if bytes == self.held.len() {
            // An idle connection holds no memory of ours.
            self.held = Vec::new();
        } else {
            self.held.drain(..bytes);
        }
    }

    /// Looks at what is held and not cleared.
    fn look(&mut self) {
        let admitted = self.framing.admit(&self.held[self.cleared..]);
        self.cleared += admitted.bytes;
        if admitted.bytes > 0 {
            self.pause = Pause::None;
        }
        if let Some(offence) = admitted.offence {
            self.refuse(offence);
        }
    }

    /// Lets nothing more in. In place of a refused head stands a request of our own; in the middle
    /// of a body its reader gets an error.
    fn refuse(&mut self, offence: Offence) {
        if !self.framing.is_before_head() {
            self.gate = Gate::Broken;
            return;
        }
        let problem = if head::wants_problem(&self.held[self.cleared..]) { "accept: application/problem+json\r\n" } else { "" };
        let instead = format!("GET / HTTP/1.1\r\nconnection: close\r\n{problem}\r\n");
        self.held.truncate(self.cleared);
        self.held.extend_from_slice(instead.as_bytes());
        self.cleared = self.held.len();
        self.line.refuse(self.framing.next_request(), offence);
        self.gate = Gate::Refused;
    }

    /// No byte came: waits, and ends the wait when it was too long.
    fn pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.framing.is_before_head() {
            return Poll::Pending;
        }
        let pause = if self.framing.is_new() || !self.held.is_empty() { Pause::Head } else { Pause::Idle };
        if self.pause != pause {
            // The first head is counted from the beginning of the connection.
            self.since = if self.framing.is_new() { self.since } else { Instant::now() };
            self.pause = pause;
        }
        let patience = if pause == Pause::Head { self.patience.head } else { self.patience.idle };
        let deadline = self.since + patience;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        // A timer that goes off too early costs one look; to move it with each request costs more.
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if self.line.is_busy() && self.held.is_empty() {
                // What takes long is our answer, not their next request.
                self.since = Instant::now();
            }
            let deadline = self.since + patience;
            if deadline <= Instant::now() {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }

    /// What a pause that was too long leads to.
    fn give_up(&mut self) {
        if self.held.is_empty() {
            tracing::debug!(event = "http.connection_idle", "a connection said nothing for too long");
            self.gate = Gate::Over;
        } else {
            self.refuse(Offence::TooSlow);
        }
    }
}

impl<S: AsyncRead + Unpin> Guarded<S> {
    /// Reads straight into the reader's buffer and takes back what must not go on yet.
    fn read_directly(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        let before = out.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, out))?;
        let read = out.filled().len() - before;
        let admitted = self.framing.admit(&out.filled()[before..]);
        self.pause = if admitted.bytes > 0 { Pause::None } else { self.pause };
        if admitted.bytes < read {
            self.held.extend_from_slice(&out.filled()[before + admitted.bytes..]);
            out.set_filled(before + admitted.bytes);
        }
        if let Some(offence) = admitted.offence {
            self.refuse(offence);
        }
        Poll::Ready(Ok(read))
    }

    /// Reads into what is held.
    fn read_aside(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut room = [0; READ_BYTES];
        let mut room = ReadBuf::new(&mut room);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut room))?;
        self.held.extend_from_slice(room.filled());
        let read = room.filled().len();
        if read > 0 {
            self.look();
        }
        Poll::Ready(Ok(read))
    }

    /// Reads and throws away what the sender of a refused request still sends.
    fn linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + LINGER)));
        if self.lingered == 0 {
            timer.as_mut().reset(Instant::now() + LINGER);
            self.lingered = 1;
        }
        let mut room = [0; READ_BYTES];
        while self.lingered < LINGER_BYTES {
            let mut room = ReadBuf::new(&mut room);
            match Pin::new(&mut self.stream).poll_read(cx, &mut room) {
                Poll::Ready(Ok(())) if !room.filled().is_empty() => self.lingered += room.filled().len(),
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return timer.as_mut().poll(cx),
            }
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = out.filled().len();
        loop {
            if this.cleared > 0 {
                this.hand_on(out);
                return Poll::Ready(Ok(()));
            }
            match this.gate {
                Gate::Open if this.framing.is_http2() => return Pin::new(&mut this.stream).poll_read(cx, out),
                Gate::Open => {}
                Gate::Refused => return Poll::Pending,
                Gate::Broken => return Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
                Gate::Over => return Poll::Ready(Ok(())),
            }
            let directly = this.held.is_empty() && out.remaining() >= ROOM_MIN_BYTES;
            let read = if directly { this.read_directly(cx, out) } else { this.read_aside(cx) };
            match read {
                Poll::Ready(Ok(0)) => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(_)) if out.filled().len() > before => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    ready!(this.pause(cx));
                    this.give_up();
                }
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Guarded<S> {
    /// Lets a write through, unless the reader was too slow for too long.
    fn written(&mut self, cx: &mut Context<'_>, wrote: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &wrote {
            Poll::Ready(Ok(bytes)) => {
                self.stall.moved(*bytes);
                // Whoever reads an answer is not idle.
                self.pause = Pause::None;
                wrote
            }
            Poll::Ready(Err(_)) => wrote,
            Poll::Pending => {
                ready!(self.stall.poll(cx));
                tracing::debug!(event = "http.reader_stalled", "an answer was read too slowly");
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wrote = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.written(cx, wrote)
    }

    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wrote = Pin::new(&mut this.stream).poll_write_vectored(cx, bytes);
        this.written(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // Hyper flushes when all it had was taken.
        this.stall.over();
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.lingered == 0 {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
        }
        let is_cut = matches!(this.gate, Gate::Refused | Gate::Broken) || (this.gate == Gate::Open && !this.framing.is_before_head());
        if is_cut && !this.framing.is_http2() {
            ready!(this.linger(cx));
        }
        Poll::Ready(Ok(()))
    }
}
