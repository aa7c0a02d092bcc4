//! The outermost layer: every request gets its id, its time limit and its log line here, and no
//! panic gets past it.

use std::any::Any;
use std::borrow::Cow;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, Version, header};
use axum::middleware::Next;
use axum::response::Response;
use futures::FutureExt as _;
use host::Core;
use kernel::{Failure, General, RequestId};

use crate::address;
use crate::answer::refuse;
use crate::body::Awaited;
use crate::ctx::About;
use crate::layers::{admission, headers, wording};
use crate::limits;
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::wire::Offence;

/// Characters of a caller's own request id that are kept: a UUID with room for a prefix.
const CLIENT_ID_MAX: usize = 64;
/// The route of a request that has none: whatever its address says, somebody else chose the words.
const UNMATCHED: &str = "unmatched";
/// The route of a request whose framing was refused.
const REFUSED: &str = "refused";

/// What the layer looks up once and not with each request.
pub(crate) struct Edge {
    core: Core,
    settings: Arc<Settings>,
    metrics: Arc<Metrics>,
}

impl Edge {
    pub(crate) fn new(core: &Core) -> Arc<Self> {
        Arc::new(Self { core: core.clone(), settings: core.parts.get(), metrics: core.parts.get() })
    }
}

/// What is kept of a request for its log line.
struct Seen {
    began: Instant,
    method: &'static str,
    uri: Uri,
    route: Option<MatchedPath>,
    is_refused: bool,
    client_id: Option<String>,
}

pub(crate) async fn edge(State(edge): State<Arc<Edge>>, mut request: Request, next: Next) -> Response {
    let core = &edge.core;
    let seen = Seen::of(&request);
    let about = Arc::new(describe(core, &edge.settings, &request));
    let form = wording::Form::accepted_by(request.headers());
    let reader = edge.settings.cors.reader(&request);
    let early = admission::refusal(&edge.settings, &request).or_else(|| reader.preflight(&request));
    let (mut response, standing) = if let Some(response) = early {
        (response, None)
    } else {
        request.extensions_mut().insert(about.clone());
        within(Duration::from_secs(edge.settings.request_timeout_s), request, next).await
    };
    wording::log_cause(&response, about.id);
    response = wording::in_words(core, about.id, form, response);
    headers::dress(core, &about, &mut response);
    limits::tell(standing, &mut response);
    edge.settings.cors.dress(reader, response.headers_mut());
    seen.told(&edge.metrics, &about, response.status());
    response
}

/// Runs the request for so long; a panic and a lack of time become refusals. Also says how its sender
/// stands with the limits.
async fn within(limit: Duration, request: Request, next: Next) -> (Response, Option<limits::Standing>) {
    let awaited = request.extensions().get::<Awaited>().cloned();
    let is_http1 = request.version() < Version::HTTP_2;
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind();
    let (ended, standing) = limits::watched(tokio::time::timeout(limit, answered)).await;
    let mut response = match ended {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => refuse(Failure::internal(panic_text(panic.as_ref()))),
        // Their body was what we waited for.
        Err(_) if awaited.is_some_and(|awaited| awaited.now()) => refuse(General::RequestTimeout.into()),
        Err(_) => refuse(Failure::new(General::TimedOut).retry_after(1)),
    };
    if response.status() == StatusCode::REQUEST_TIMEOUT && is_http1 {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    (response, standing)
}

fn describe(core: &Core, settings: &Settings, request: &Request) -> About {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map_or(SocketAddr::from(([127, 0, 0, 1], 0)), |peer| peer.0);
    About {
        id: RequestId::new(core.clock.now()),
        address: address::client(peer, request.headers(), &settings.trusted_proxies),
        cookies: Mutex::new(vec![]),
        caller: OnceLock::new(),
    }
}

/// The router tells what a route offers, behind all layers; that anybody may ask, it doesn't count.
pub(crate) fn offer_options(response: &mut Response) {
    let Some(allowed) = response.headers().get(header::ALLOW).and_then(|allowed| allowed.to_str().ok()) else { return };
    if !allowed.is_empty()
        && !allowed.contains("OPTIONS")
        && let Ok(all) = HeaderValue::from_str(&format!("{allowed},OPTIONS"))
    {
        response.headers_mut().insert(header::ALLOW, all);
    }
}

impl Seen {
    fn of(request: &Request) -> Self {
        Self {
            began: Instant::now(),
            method: word(request.method()),
            uri: request.uri().clone(),
            route: request.extensions().get::<MatchedPath>().cloned(),
            is_refused: request.extensions().get::<Offence>().is_some(),
            client_id: client_request_id(request),
        }
    }

    /// The route as figures know it: one of few words.
    fn route(&self) -> &str {
        if self.is_refused { REFUSED } else { self.route.as_ref().map_or(UNMATCHED, MatchedPath::as_str) }
    }

    /// The path for the log: segments that carry a secret are replaced by their name, and nothing
    /// is told of an address that doesn't exist, for it may be anything.
    fn path(&self) -> Cow<'_, str> {
        let route = self.route();
        let path = self.uri.path();
        if self.is_refused || self.route.is_none() {
            return Cow::Borrowed(route);
        }
        if !route.contains("{token}") {
            return Cow::Borrowed(path);
        }
        let shown = route.split('/').zip(path.split('/')).map(|(name, value)| if name == "{token}" { name } else { value });
        Cow::Owned(shown.collect::<Vec<_>>().join("/"))
    }

    /// Counts the request and writes its line.
    fn told(&self, metrics: &Metrics, about: &About, status: StatusCode) {
        let took = self.began.elapsed();
        let method = if self.is_refused { "OTHER" } else { self.method };
        metrics.answered(method, self.route(), status.as_u16(), took);
        let caller = about.caller.get();
        let (user_id, org_id) = (caller.and_then(|c| c.account), caller.and_then(|c| c.org));
        tracing::info!(
            target: "http",
            event = "http.request",
            request_id = %about.id,
            client_request_id = self.client_id,
            method,
            path = %self.path(),
            status_code = status.as_u16(),
            duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            user_id = user_id.map(tracing::field::display),
            org_id = org_id.map(tracing::field::display),
        );
    }
}

/// The method in one of few words: an unknown one is a word that a stranger chose.
fn word(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("OTHER")
}

fn client_request_id(request: &Request) -> Option<String> {
    let text = request.headers().get("x-request-id").and_then(|id: &HeaderValue| id.to_str().ok())?;
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':'));
    plain.then(|| text.chars().take(CLIENT_ID_MAX).collect())
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
    format!("a handler panicked: {}", text.unwrap_or_else(|| "without words".into()))
}
