//! Who is let in at all: requests with one host, which is ours, and a method that somebody knows.
//! These are checks that hyper keeps enough for; what it doesn't keep is looked at on the wire.

use std::net::Ipv6Addr;

use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, Version, header};
use axum::response::{IntoResponse as _, Response};
use kernel::{Failure, General};

use crate::answer::refuse;
use crate::health;
use crate::settings::Settings;
use crate::wire::{self, Offence};

/// The longest name that DNS knows, in bytes.
const NAME_MAX_BYTES: usize = 253;
/// What this server as a whole offers, for `OPTIONS *`.
const METHODS: HeaderValue = HeaderValue::from_static("GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS");

/// The answer to a request that gets no further.
pub(crate) fn refusal(settings: &Settings, request: &Request) -> Option<Response> {
    if let Some(offence) = request.extensions().get::<Offence>() {
        return Some(closing(request, offence.failure()));
    }
    if request.method() == Method::CONNECT {
        // There is nothing to connect to, so no other method stands in `Allow`.
        let mut response = closing(request, General::MethodNotAllowed.into());
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(""));
        return Some(response);
    }
    if let Some(fault) = too_large(request) {
        return Some(refuse(fault.into()));
    }
    match named(request) {
        Err(what) => Some(closing(request, Failure::new(General::MalformedRequest).with_message(what))),
        Ok(name) => elsewhere(settings, request, name),
    }
}

fn elsewhere(settings: &Settings, request: &Request, name: Option<&str>) -> Option<Response> {
    // Probes ask by address, and some still in HTTP/1.0 without any host.
    if health::is_health(request.uri().path()) {
        return None;
    }
    let Some(name) = name else {
        return Some(closing(request, Failure::new(General::MalformedRequest).with_message("The request must name its host.")));
    };
    if !settings.is_our_host(name) {
        return Some(refuse(General::Misdirected.into()));
    }
    let everything = request.method() == Method::OPTIONS && request.uri().path() == "*";
    everything.then(|| (StatusCode::NO_CONTENT, [(header::ALLOW, METHODS)]).into_response())
}

/// A refusal after which the connection is not believed any more. HTTP/2 has streams instead.
fn closing(request: &Request, failure: Failure) -> Response {
    let mut response = refuse(failure);
    if request.version() < Version::HTTP_2 {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The limits that the wire holds for HTTP/1.
fn too_large(request: &Request) -> Option<General> {
    if request.version() < Version::HTTP_2 {
        return None;
    }
    let headers = request.headers();
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > wire::HEADERS_MAX || bytes > wire::HEAD_MAX_BYTES {
        return Some(General::HeadersTooLarge);
    }
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    (target > wire::URI_MAX_BYTES).then_some(General::UriTooLong)
}

/// The host that a request names, without its port; `None` only where HTTP/1.0 may leave it out.
fn named(request: &Request) -> Result<Option<&str>, &'static str> {
    let mut lines = request.headers().get_all(header::HOST).iter();
    let line = lines.next();
    if lines.next().is_some() {
        return Err("The request names its host more than once.");
    }
    let line = line.map(|line| line.to_str().map_err(|_| MALFORMED)).transpose()?;
    let target = request.uri().authority().map(http::uri::Authority::as_str);
    let authority = match (line, target) {
        (Some(line), Some(target)) if !line.eq_ignore_ascii_case(target) => {
            return Err("The address of the request and its Host name different hosts.");
        }
        (Some(line), _) => line,
        (None, Some(target)) if request.version() >= Version::HTTP_2 => target,
        (None, _) if request.version() == Version::HTTP_10 => return Ok(None),
        (None, _) => return Err("The request must name its host."),
    };
    name_in(authority).map(Some).ok_or(MALFORMED)
}

const MALFORMED: &str = "The Host of the request is not a host with an optional port.";

/// `name` of `name:port`; nothing for what has a user, a path, a space or a port that is none.
fn name_in(authority: &str) -> Option<&str> {
    let end = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, _) = rest.split_once(']')?;
            address.parse::<Ipv6Addr>().ok()?;
            address.len() + 2
        }
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (name, port) = authority.split_at(end);
    let is_port = port.strip_prefix(':').map_or(port.is_empty(), |digits| digits.parse::<u16>().is_ok() && !digits.starts_with('+'));
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let is_name = name.starts_with('[') || (!name.is_empty() && name.len() <= NAME_MAX_BYTES && name.bytes().all(is_letter));
    (is_port && is_name).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_with_an_optional_port() {
        for (host, name) in
            [("a.example", "a.example"), ("A:80", "A"), ("127.0.0.1:8000", "127.0.0.1"), ("[::1]:8000", "[::1]"), ("[::1]", "[::1]")]
        {
            assert_eq!(name_in(host), Some(name), "{host}");
        }
        for wrong in
            ["", "a b", "a/b", "u@a", "a:", "a:x", "a:+1", "a:99999", "a:1:2", "a,b", "[::1", "[x]", "[::1]x", "a\\b", "a#b", "a?b", "%61"]
        {
            assert_eq!(name_in(wrong), None, "{wrong:?}");
        }
    }
}
