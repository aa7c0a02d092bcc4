//! One head of HTTP/1: whether it has a single reading, and which body follows it.
//!
//! The words are read by `httparse`, the parser that hyper itself uses, so that there is no second
//! opinion on what a header is; only what hyper would repair in silence is looked at here.

use std::mem::MaybeUninit;

use http::Uri;
use memchr::memchr;

use super::{HEAD_MAX_BYTES, HEADERS_MAX, Offence, URI_MAX_BYTES};

/// Digits of the largest length that is read: more than any disk holds, less than overflows.
const LENGTH_DIGITS_MAX: usize = 18;
/// What RFC 9112 (2.2) lets stand before a request line.
const BLANK_LINE: &[u8] = b"\r\n";

/// What follows a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follows {
    Nothing,
    Length(u64),
    Chunks,
}

/// Looks for the end of a head, line by line; `seen` keeps the beginning of the first unfinished
/// line, so that nothing is looked at twice. Answers the length of the head once it is whole.
pub(super) fn end(bytes: &[u8], seen: &mut usize) -> Result<Option<usize>, Offence> {
    let mut from = *seen;
    while let Some(length) = memchr(b'\n', &bytes[from..]) {
        let line = &bytes[from..from + length];
        let Some((b'\r', text)) = line.split_last() else { return Err(Offence::BareLineFeed) };
        let is_first = from == 0;
        from += length + 1;
        *seen = from;
        if text.is_empty() && !is_first {
            return within_limits(&bytes[..from]).map(|()| Some(from));
        }
    }
    within_limits(bytes).map(|()| None)
}

fn within_limits(bytes: &[u8]) -> Result<(), Offence> {
    if bytes.len() > URI_MAX_BYTES {
        let text = bytes.strip_prefix(BLANK_LINE).unwrap_or(bytes);
        if memchr(b'\n', text).is_none_or(|end| end > URI_MAX_BYTES) {
            return Err(Offence::UriTooLong);
        }
    }
    if bytes.len() > HEAD_MAX_BYTES { Err(Offence::HeadTooLarge) } else { Ok(()) }
}

/// Reads a whole head.
pub(super) fn judge(head: &[u8]) -> Result<Follows, Offence> {
    let mut room = [const { MaybeUninit::<httparse::Header<'_>>::uninit() }; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut []);
    let read = httparse::ParserConfig::default().parse_request_with_uninit_headers(&mut request, head, &mut room);
    match read {
        Ok(httparse::Status::Complete(length)) if length == head.len() => {}
        Err(httparse::Error::TooManyHeaders) => return Err(Offence::HeadTooLarge),
        // Ends earlier or later than its empty line: two readings.
        Ok(_) | Err(_) => return Err(Offence::Malformed),
    }
    if !is_target(request.path.unwrap_or_default().as_bytes()) {
        return Err(Offence::Malformed);
    }
    body(request.version == Some(1), request.headers)
}

/// Which body the headers announce.
fn body(is_http_11: bool, headers: &[httparse::Header<'_>]) -> Result<Follows, Offence> {
    let mut follows = Follows::Nothing;
    for header in headers {
        // Both names are told by their length first: most headers are neither.
        if header.name.len() == "content-length".len() && header.name.eq_ignore_ascii_case("content-length") {
            if follows != Follows::Nothing {
                return Err(if follows == Follows::Chunks { Offence::Coding } else { Offence::Length });
            }
            follows = Follows::Length(digits(header.value).ok_or(Offence::Length)?);
        } else if header.name.len() == "transfer-encoding".len() && header.name.eq_ignore_ascii_case("transfer-encoding") {
            if follows != Follows::Nothing || !is_http_11 || !header.value.eq_ignore_ascii_case(b"chunked") {
                return Err(Offence::Coding);
            }
            follows = Follows::Chunks;
        }
    }
    Ok(follows)
}

fn digits(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > LENGTH_DIGITS_MAX || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(value.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

/// Whether hyper will read this target. Those of plain letters it does; about the rest the type that
/// it reads them with is asked.
fn is_target(target: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-._~%?=&+!$'()*,;:@".contains(byte);
    if target.first() == Some(&b'/') && target.iter().all(plain) {
        return true;
    }
    target.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'#') && Uri::try_from(target).is_ok()
}

/// Whether a refused head asks for RFC 9457; whatever else it says is not believed.
pub(super) fn wants_problem(head: &[u8]) -> bool {
    let kind = b"application/problem+json";
    let accepts = |line: &[u8]| line.get(..7).is_some_and(|name| name.eq_ignore_ascii_case(b"accept:"));
    head.split(|byte| *byte == b'\n').any(|line| accepts(line) && memchr::memmem::find(line, kind).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(head: &str) -> Result<Follows, Offence> {
        let length = end(head.as_bytes(), &mut 0)?.ok_or(Offence::TooSlow)?;
        judge(&head.as_bytes()[..length])
    }

    fn with(headers: &str) -> Result<Follows, Offence> {
        read(&format!("POST /v1/x HTTP/1.1\r\nHost: a\r\n{headers}\r\n"))
    }

    #[test]
    fn a_body_is_announced_once() {
        assert_eq!(with(""), Ok(Follows::Nothing));
        assert_eq!(with("Content-Length: 12\r\n"), Ok(Follows::Length(12)));
        assert_eq!(with("transfer-encoding: Chunked\r\n"), Ok(Follows::Chunks));
        for wrong in
            ["Content-Length: 1\r\nContent-Length: 1\r\n", "Content-Length: 1, 1\r\n", "Content-Length: +1\r\n", "Content-Length:\r\n"]
        {
            assert_eq!(with(wrong), Err(Offence::Length), "{wrong}");
        }
        for wrong in ["gzip", "chunked, gzip", "gzip, chunked", "chunked\r\nTransfer-Encoding: chunked", "chunked\r\nContent-Length: 3"] {
            assert_eq!(with(&format!("Transfer-Encoding: {wrong}\r\n")), Err(Offence::Coding), "{wrong}");
        }
        assert_eq!(with("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"), Err(Offence::Coding));
        assert_eq!(read("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), Err(Offence::Coding));
    }

    #[test]
    fn what_is_no_head_is_malformed() {
        for wrong in ["X: a\r\n b\r\n", "X : a\r\n", " X: a\r\n", "X: a\0b\r\n", "X: a\rb\r\n", ": a\r\n", "no colon\r\n"] {
            assert_eq!(with(wrong), Err(Offence::Malformed), "{wrong:?}");
        }
        for line in [
            "GET / HTTP/1.2",
            "GET /",
            "GET  / HTTP/1.1",
            "GET /a b HTTP/1.1",
            "GET /a#b HTTP/1.1",
            "GET /\u{e9} HTTP/1.1",
            "GET http:// HTTP/1.1",
        ] {
            assert_eq!(read(&format!("{line}\r\n\r\n")), Err(Offence::Malformed), "{line}");
        }
        assert_eq!(with("X: a\nY: b\r\n"), Err(Offence::BareLineFeed));
    }

    #[test]
    fn limits_have_their_own_words() {
        assert_eq!(read(&format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(URI_MAX_BYTES))), Err(Offence::UriTooLong));
        assert_eq!(end("a".repeat(URI_MAX_BYTES + 1).as_bytes(), &mut 0), Err(Offence::UriTooLong));
        assert_eq!(with(&format!("X: {}\r\n", "a".repeat(HEAD_MAX_BYTES))), Err(Offence::HeadTooLarge));
        assert_eq!(with(&"X: a\r\n".repeat(HEADERS_MAX)), Err(Offence::HeadTooLarge));
        assert_eq!(with(&"X: a\r\n".repeat(HEADERS_MAX - 1)), Ok(Follows::Nothing));
    }

    #[test]
    fn hyper_reads_every_target_that_passes() {
        for byte in 0..=u8::MAX {
            for target in [vec![b'/', byte], vec![b'/', b'?', byte], vec![byte]] {
                assert!(!is_target(&target) || Uri::try_from(target.as_slice()).is_ok(), "{target:?}");
            }
        }
        for target in ["*", "/", "/a?b={c}|d", "http://a/b", "a:443"] {
            assert!(is_target(target.as_bytes()), "{target}");
        }
    }
}
