//! Which other origins may read our answers in a browser: those that are listed, none by default.

use axum::extract::Request;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};

/// What other origins may call; pages are for browsers that are on them.
const OPEN: [&str; 3] = ["/v1/", "/auth/", "/.well-known/"];
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
/// What our operations read besides the headers that every script may send.
const ASKED: HeaderValue = HeaderValue::from_static("authorization, content-type, idempotency-key, x-csrf-token, x-request-id");
/// What a script may read besides the headers that every script may.
const SHOWN: HeaderValue =
    HeaderValue::from_static("idempotency-replayed, ratelimit-limit, ratelimit-remaining, ratelimit-reset, retry-after, x-request-id");
/// Ten minutes that a browser remembers an answer, in seconds: a change of the list holds soon.
const REMEMBERED_S: HeaderValue = HeaderValue::from_static("600");

/// The origins that may.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cors {
    origins: Vec<String>,
    credentials: bool,
}

/// What an answer has to say about its reader.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reader {
    /// The origin to name, if it may read.
    allowed: Option<HeaderValue>,
    /// Whether the answer depends on who reads.
    varies: bool,
}

impl Cors {
    pub(crate) fn new(origins: Vec<String>, credentials: bool) -> Self {
        Self { origins, credentials }
    }

    /// Whether a script of this origin may also send its session cookie.
    pub(crate) fn trusts(&self, origin: &str) -> bool {
        self.credentials && self.origins.iter().any(|known| known == origin)
    }

    /// Who reads the answer to this request.
    pub(crate) fn reader(&self, request: &Request) -> Reader {
        if self.origins.is_empty() || !OPEN.iter().any(|start| request.uri().path().starts_with(start)) {
            return Reader::default();
        }
        if self.origins.iter().any(|known| known == "*") {
            return Reader { allowed: Some(HeaderValue::from_static("*")), varies: false };
        }
        let mut named = request.headers().get_all(header::ORIGIN).iter();
        let origin = named.next().filter(|_| named.next().is_none());
        let allowed = origin.filter(|origin| self.origins.iter().any(|known| known.as_bytes() == origin.as_bytes())).cloned();
        Reader { allowed, varies: true }
    }

    /// Names the reader, so that the browser lets them read.
    pub(crate) fn dress(&self, reader: Reader, headers: &mut HeaderMap) {
        if reader.varies {
            headers.append(header::VARY, HeaderValue::from_static("origin"));
        }
        let Some(origin) = reader.allowed else { return };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, SHOWN);
        if self.credentials {
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }
}

impl Reader {
    /// The answer to a browser that asks before it sends, if this is one.
    pub(crate) fn preflight(&self, request: &Request) -> Option<Response> {
        let asks = request.method() == Method::OPTIONS
            && (self.allowed.is_some() || self.varies)
            && request.headers().contains_key(header::ORIGIN)
            && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if !asks {
            return None;
        }
        let mut response = StatusCode::NO_CONTENT.into_response();
        if self.allowed.is_some() {
            let headers = response.headers_mut();
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, ASKED);
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, REMEMBERED_S);
        }
        let varies = HeaderValue::from_static("access-control-request-method, access-control-request-headers");
        response.headers_mut().append(header::VARY, varies);
        Some(response)
    }
}
