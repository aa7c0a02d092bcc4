//! Who may pass: authentication for all, and the guards of each group of routes.

use std::sync::Arc;

use axum::RequestExt as _;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use host::Core;
use kernel::{Failure, General};
use sha2::{Digest as _, Sha256};

use crate::answer::refuse;
use crate::caller::{Caller, Known, Via};
use crate::ctx::About;
use crate::mount::Mounts;
use crate::page::See;
use crate::request_tx::Idempotency;

use crate::extract::refuse_announced;
use crate::limits::{self, Way};
use crate::{body, csrf};

/// Longer keys are no keys: 255 characters is what the large payment providers accept.
const IDEMPOTENCY_KEY_MAX: usize = 255;
/// Why every request has its [`About`].
const DESCRIBED: &str = "the outermost layer describes every request";

/// Finds out who calls. Claims that don't hold leave the caller a nobody; a fault while asking
/// (the database is away) is told as such and never makes somebody a nobody. Where too much is claimed
/// for all of it to be looked at, what is open to everybody stays open: a browser with an old cookie must
/// get to the sign-in page while somebody beside it makes cookies up.
pub(crate) async fn authenticate(State(core): State<Core>, mut request: Request, next: Next) -> Response {
    let about = request.extensions().get::<Arc<About>>().cloned().expect(DESCRIBED);
    let known = match &Mounts::of(&core).authenticator {
        None => Known::Nobody,
        Some(authenticator) => match authenticator.authenticate(&core, request.headers(), about.address).await {
            Ok(Some(caller)) => Known::Somebody(Arc::new(caller)),
            Ok(None) => Known::Nobody,
            Err(failure) if failure.is(General::RateLimited) => Known::Unasked { retry_after_s: failure.retry_after_s },
            Err(failure) => return refuse(failure),
        },
    };
    if let Known::Somebody(caller) = &known {
        // Set once per request; a second value can't come.
        let _ = about.caller.set(caller.clone());
    }
    request.extensions_mut().insert(known);
    next.run(request).await
}

fn known(request: &Request) -> Known {
    request.extensions().get::<Known>().cloned().unwrap_or(Known::Nobody)
}

fn caller(request: &Request) -> Option<Arc<Caller>> {
    known(request).somebody().cloned()
}

/// Holds the flow of requests down to what its sender may send. Not around raw routes: assets and
/// health cost less than counting, and who mounts a route for the rest of the world counts by itself.
pub(crate) async fn flow_limit(State(core): State<Core>, request: Request, next: Next) -> Response {
    let caller = caller(&request);
    let about = request.extensions().get::<Arc<About>>();
    let address = about.expect(DESCRIBED).address;
    match limits::by_caller(&core, Way::Request, caller.as_deref(), address).await {
        Ok(()) => next.run(request).await,
        Err(failure) => refuse(failure),
    }
}

/// 401 for nobody, before the body is looked at; 429 for those who were not looked at.
pub(crate) async fn require_caller(request: Request, next: Next) -> Response {
    match known(&request) {
        Known::Somebody(_) => next.run(request).await,
        other => refuse(other.refusal()),
    }
}

/// Sends nobody to the sign-in page, and from there back to what they asked for; 429 for those who were not
/// looked at.
pub(crate) async fn require_sign_in(request: Request, next: Next) -> Response {
    match known(&request) {
        Known::Somebody(_) => return next.run(request).await,
        unasked @ Known::Unasked { .. } => return refuse(unasked.refusal()),
        Known::Nobody => {}
    }
    let wanted = if request.method().is_safe() { request.uri().path_and_query().map_or("/", |path| path.as_str()) } else { "/" };
    let target: String = url::form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
    See::other(format!("/signin?return_to={target}")).into_response()
}

/// Scripts that are believed because of a cookie must show the token and come from our origin.
pub(crate) async fn script_csrf(State(core): State<Core>, request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    match caller(&request).filter(|caller| caller.via == Via::Cookie) {
        None => next.run(request).await,
        Some(caller) => match csrf::check_script(&core, request.headers(), &caller) {
            Ok(()) => next.run(request).await,
            Err(failure) => refuse(failure),
        },
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim().trim_matches('"');
    if text.is_empty() || text.len() > IDEMPOTENCY_KEY_MAX || text.chars().any(|c| c.is_ascii_control()) {
        let rule = format!("must have 1 to {IDEMPOTENCY_KEY_MAX} printable ASCII characters");
        return Err(Failure::field("Idempotency-Key", rule));
    }
    Ok(Some(text.to_owned()))
}

/// Reads the body of a POST with an `Idempotency-Key` once, so that the key can be tied to it.
pub(crate) async fn idempotency_hint(State(core): State<Core>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let key = match idempotency_key(request.headers()) {
        Ok(Some(key)) => key,
        Ok(None) => return next.run(request).await,
        Err(failure) => return refuse(failure),
    };
    if let Err(failure) = refuse_announced(&core, request.headers()) {
        return refuse(failure);
    }
    let (mut parts, body) = request.with_limited_body().into_parts();
    let bytes = match body::read(body).await {
        Ok(bytes) => bytes,
        Err(failure) => return refuse(failure),
    };
    let mut hash = Sha256::new();
    hash.update(parts.uri.to_string().as_bytes());
    hash.update([0]);
    hash.update(&bytes);
    parts.extensions.insert(Arc::new(Idempotency { key, body_hash: hex::encode(hash.finalize()) }));
    next.run(Request::from_parts(parts, Body::from(bytes))).await
}
