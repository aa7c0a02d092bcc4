//! The headers that every answer carries, refusals included.

use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use host::Core;

use crate::ctx::About;
use crate::version::VERSION;

/// Everything comes from ourselves; nothing is inline; nobody frames us. A page that sends its
/// form elsewhere (a payer to the provider) sets its own policy and is left alone.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
     connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// `same-origin` rather than `no-referrer`: with the latter browsers send `Origin: null` with our
/// own forms, and the origin check would refuse them. Links with a token never leave us either way.
const FIXED: [(HeaderName, HeaderValue); 7] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("permissions-policy"), HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=()")),
];

pub(crate) fn dress(core: &Core, about: &About, response: &mut Response) {
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        put(headers, name, value);
    }
    // Answers are private unless a route says otherwise.
    put(headers, header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if core.public_url.starts_with("https://") {
        put(headers, header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=63072000; includeSubDomains"));
    }
    if !core.environment.is_production() {
        // Which program answers is nobody's business where it is for real.
        put(headers, HeaderName::from_static("x-autorisen-version"), HeaderValue::from_static(VERSION));
    }
    if let Ok(id) = HeaderValue::from_str(&about.id.to_string()) {
        headers.insert("x-request-id", id);
    }
    for line in about.cookies.lock().expect("no holder of this lock panics").drain(..) {
        if let Ok(line) = HeaderValue::from_str(&line) {
            headers.append(header::SET_COOKIE, line);
        }
    }
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    headers.entry(name).or_insert(value);
}
