//! The wire: what stands between a socket and hyper.
//!
//! Hyper forgives what two programs in a row may read differently: a length beside a chunked body, a
//! length that is given twice, lines that end in a bare line feed. After it nobody can tell any more.
//! So the bytes of HTTP/1 pass a guard on their way in: a head is held back until it is whole, and
//! goes on only when it has one reading. In place of a head that has none, hyper gets a request of
//! our own, which the outermost layer answers as a refusal: in its turn, in the envelope, with every
//! header that other answers have. docs/decisions/0006-one-reading-per-request.md says why.
//!
//! The guard never changes a byte, knows no route, and understands of a body only where it ends.
//! HTTP/2 has frames of its own and passes untouched; whether its streams are read is watched beside it.
//! The guard also keeps the time of the wire: how long a head may take, how long a connection may idle,
//! how slowly an answer may be read.

mod chunks;
mod framing;
mod guard;
mod head;
mod line;
mod stall;
mod watch;

pub(crate) use guard::{Guarded, Patience};
pub(crate) use line::Line;
pub(crate) use stall::Stall;
pub(crate) use watch::{Watch, Watched};

use kernel::{Failure, General};

/// Bytes of a request line: what proxies and browsers carry at most without loss.
pub(crate) const URI_MAX_BYTES: usize = 8 * 1024;
/// Bytes of a whole head: four times the largest cookie jar that a browser sends to one site.
pub(crate) const HEAD_MAX_BYTES: usize = 32 * 1024;
/// Header lines of a head: as many as hyper reads, so that it never has to refuse one itself.
pub(crate) const HEADERS_MAX: usize = 100;

/// Why a head or a body does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Offence {
    /// The head is not HTTP.
    Malformed = 1,
    /// A line ends without a carriage return.
    BareLineFeed,
    /// The length is given twice, or is not a number.
    Length,
    /// A length beside a transfer coding, a coding other than `chunked`, or one in HTTP/1.0.
    Coding,
    /// The chunks of a body don't follow each other as they should.
    Chunk,
    UriTooLong,
    HeadTooLarge,
    /// The head took longer than it may.
    TooSlow,
}

impl Offence {
    const ALL: [Self; 8] =
        [Self::Malformed, Self::BareLineFeed, Self::Length, Self::Coding, Self::Chunk, Self::UriTooLong, Self::HeadTooLarge, Self::TooSlow];

    /// What the sender is told.
    pub(crate) fn failure(self) -> Failure {
        let malformed = |what: &'static str| Failure::new(General::MalformedRequest).with_message(what);
        match self {
            Self::Malformed => malformed("The head of the request is not well-formed HTTP."),
            Self::BareLineFeed => malformed("A line of the request's head ends without a carriage return."),
            Self::Length => malformed("The request must say its Content-Length once, in digits."),
            Self::Coding => malformed("Send either a Content-Length or, in HTTP/1.1, `Transfer-Encoding: chunked` and nothing else."),
            Self::Chunk => malformed("The chunks of the body are not well-formed."),
            Self::UriTooLong => Failure::new(General::UriTooLong),
            Self::HeadTooLarge => Failure::new(General::HeadersTooLarge),
            Self::TooSlow => Failure::new(General::RequestTimeout),
        }
    }
}
