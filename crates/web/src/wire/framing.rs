//! Where one request ends and the next begins, over a whole connection.

use super::Offence;
use super::chunks::Chunks;
use super::head::{self, Follows};

/// How HTTP/2 with prior knowledge begins (RFC 9113, 3.4).
const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The place of a connection between its requests.
#[derive(Debug)]
pub(super) struct Framing {
    at: At,
    /// Heads that went on.
    heads: u32,
}

#[derive(Debug)]
enum At {
    /// Before the first byte that tells HTTP/1 from HTTP/2.
    Opening,
    /// In a head; the number is where its first unfinished line begins.
    Head(usize),
    /// In a body with so many bytes left.
    Length(u64),
    Chunks(Chunks),
    Http2,
}

/// What became of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Admitted {
    /// How many of them may go on.
    pub bytes: usize,
    /// Why the next one may not.
    pub offence: Option<Offence>,
}

impl Framing {
    pub(super) const fn begin() -> Self {
        Self { at: At::Opening, heads: 0 }
    }

    /// Whether everything passes from now on.
    pub(super) fn is_http2(&self) -> bool {
        matches!(self.at, At::Http2)
    }

    /// Whether a head is what comes next.
    pub(super) fn is_before_head(&self) -> bool {
        matches!(self.at, At::Opening | At::Head(_))
    }

    /// Whether the next head is the first of the connection.
    pub(super) fn is_new(&self) -> bool {
        self.heads == 0
    }

    /// The number of the request that comes next, counted from one.
    pub(super) fn next_request(&self) -> u32 {
        self.heads + 1
    }

    /// Looks at bytes that begin where the last ones that went on ended.
    pub(super) fn admit(&mut self, bytes: &[u8]) -> Admitted {
        let mut passed = 0;
        while passed < bytes.len() {
            match self.step(&bytes[passed..]) {
                Ok(0) => break,
                Ok(more) => passed += more,
                Err(offence) => return Admitted { bytes: passed, offence: Some(offence) },
            }
        }
        Admitted { bytes: passed, offence: None }
    }

    /// Goes on by one part of a request; zero when more bytes are needed to tell.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, Offence> {
        match &mut self.at {
            At::Opening => {
                let same = bytes.iter().zip(HTTP2).take_while(|(one, other)| one == other).count();
                if same == HTTP2.len() {
                    self.at = At::Http2;
                    return Ok(bytes.len());
                }
                if same == bytes.len() {
                    return Ok(0);
                }
                self.at = At::Head(0);
                self.step(bytes)
            }
            At::Head(seen) => {
                let Some(length) = head::end(bytes, seen)? else { return Ok(0) };
                self.at = match head::judge(&bytes[..length])? {
                    Follows::Nothing | Follows::Length(0) => At::Head(0),
                    Follows::Length(bytes) => At::Length(bytes),
                    Follows::Chunks => At::Chunks(Chunks::begin()),
                };
                self.heads = self.heads.wrapping_add(1);
                Ok(length)
            }
            At::Length(left) => {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= taken as u64;
                if *left == 0 {
                    self.at = At::Head(0);
                }
                Ok(taken)
            }
            At::Chunks(chunks) => {
                let (taken, ended) = chunks.read(bytes)?;
                if ended {
                    self.at = At::Head(0);
                }
                Ok(taken)
            }
            At::Http2 => Ok(bytes.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloPOST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\nGET /c HTTP/1.1\r\n\r\n";

    /// How the connection is cut into what was let through, with `size` new bytes at a time.
    fn heads(text: &[u8], size: usize) -> (u32, usize, Option<Offence>) {
        let (mut framing, mut from) = (Framing::begin(), 0);
        for to in (size..text.len()).step_by(size).chain([text.len()]) {
            let admitted = framing.admit(&text[from..to]);
            from += admitted.bytes;
            if admitted.offence.is_some() {
                return (framing.heads, from, admitted.offence);
            }
        }
        (framing.heads, from, None)
    }

    #[test]
    fn requests_are_told_apart_however_they_come() {
        for size in 1..=TWO.len() {
            assert_eq!(heads(TWO.as_bytes(), size), (3, TWO.len(), None), "{size} bytes at a time");
        }
    }

    #[test]
    fn a_bad_request_behind_good_ones_is_found_however_it_comes() {
        let text = format!("{TWO}GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n");
        for size in 1..=text.len() {
            assert_eq!(heads(text.as_bytes(), size), (3, TWO.len(), Some(Offence::BareLineFeed)), "{size} bytes at a time");
        }
    }

    #[test]
    fn http2_passes_untouched() {
        let bytes = [HTTP2, b"\0\0\0\x04\n\n"].concat();
        for size in 1..=bytes.len() {
            assert_eq!(heads(&bytes, size), (0, bytes.len(), None));
        }
        assert_eq!(Framing::begin().admit(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n").offence, Some(Offence::Malformed));
    }
}
