//! The outermost layer: every request gets its id, its time limit and its log line here, and no
//! panic gets past it.

use std::any::Any;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;
use futures::FutureExt as _;
use host::Core;
use kernel::{Failure, General, RequestId};

use crate::answer::refuse;
use crate::ctx::About;
use crate::layers::{headers, wording};
use crate::limits;
use crate::metrics::Metrics;

use crate::address;
use crate::settings::Settings;

/// Characters of a caller's own request id that are kept: a UUID with room for a prefix.
const CLIENT_ID_MAX: usize = 64;

pub(crate) async fn edge(State(core): State<Core>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let settings = core.parts.get::<Settings>();
    let about = Arc::new(describe(&core, &settings, &request));
    let (method, path, client_id) = (request.method().clone(), path_of(&request), client_request_id(&request));
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let form = wording::Form::accepted_by(request.headers());
    request.extensions_mut().insert(about.clone());

    let answered = AssertUnwindSafe(next.run(request)).catch_unwind();
    let in_time = tokio::time::timeout(Duration::from_secs(settings.request_timeout_s), answered);
    let (ended, standing) = limits::watched(in_time).await;
    let mut response = match ended {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => refuse(Failure::internal(panic_text(panic.as_ref()))),
        Err(_) => refuse(Failure::new(General::TimedOut).retry_after(1)),
    };

    wording::log_cause(&response, about.id);
    response = wording::in_words(&core, about.id, form, response);
    headers::dress(&core, &about, &mut response);
    limits::tell(standing, &mut response);
    let caller = about.caller.get();
    let status_code = response.status().as_u16();
    core.parts.get::<Metrics>().answered(&method, &route, status_code, began.elapsed());
    let (user_id, org_id) = (caller.and_then(|c| c.account), caller.and_then(|c| c.org));
    tracing::info!(
        target: "http",
        event = "http.request",
        request_id = %about.id,
        client_request_id = client_id,
        method = %method,
        path = path,
        status_code,
        duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        user_id = user_id.map(tracing::field::display),
        org_id = org_id.map(tracing::field::display),
    );
    response
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

/// The path for the log: segments that carry a secret are replaced by their name, and of an
/// unknown address only the first segment is kept, for it may be anything.
fn path_of(request: &Request) -> String {
    let path = request.uri().path();
    let Some(route) = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str) else {
        let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        return format!("/{}{}", first.chars().take(40).collect::<String>(), if path.len() > first.len() + 1 { "/…" } else { "" });
    };
    if !route.contains("{token}") {
        return path.to_owned();
    }
    let shown = route.split('/').zip(path.split('/')).map(|(name, value)| if name == "{token}" { name } else { value });
    shown.collect::<Vec<_>>().join("/")
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
