//! Health: is the process alive, and can it do its work.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, body::Body};
use host::Core;
use host::health::Report;
use serde::Serialize;

use crate::extract::Path;

/// The health of everything that this program depends on.
#[derive(Debug, Clone, Serialize)]
pub struct Health {
    /// `ok` or `unavailable`.
    pub status: &'static str,
    /// By name: `ok`, or what is wrong in words.
    pub checks: std::collections::BTreeMap<String, String>,
}

/// Asks every check, each within its time limit.
pub async fn health_of(core: &Core) -> Health {
    let report: Report = host::health::report(core).await;
    let checks = report.checks.into_iter().map(|check| (check.name.to_string(), check.reason.unwrap_or_else(|| "ok".into())));
    Health { status: if report.ready { "ok" } else { "unavailable" }, checks: checks.collect() }
}

/// `/livez` answers while the process serves; `/readyz` while it can also do its work.
pub(crate) fn routes() -> Router<Core> {
    Router::new()
        .route("/livez", get(alive))
        .route("/alive", get(alive))
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/health", get(ready))
        .route("/health/ready", get(ready))
        .route("/health/{dependency}", get(dependency))
}

/// Whether a path is one that probes ask.
pub(crate) fn is_health(path: &str) -> bool {
    matches!(path, "/livez" | "/alive" | "/healthz" | "/readyz" | "/health") || path.starts_with("/health/")
}

async fn alive() -> Response {
    json(StatusCode::OK, "{\"status\":\"ok\"}".into())
}

async fn ready(State(core): State<Core>) -> Response {
    let health = health_of(&core).await;
    let status = if health.status == "ok" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json(status, serde_json::to_string(&health).unwrap_or_default())
}

async fn dependency(State(core): State<Core>, Path(name): Path<String>) -> Response {
    let health = health_of(&core).await;
    match health.checks.get(&name) {
        None => crate::answer::refuse(kernel::General::NotFound.into()),
        Some(fault) => {
            let status = if fault == "ok" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            json(status, serde_json::json!({"status": fault}).to_string())
        }
    }
}

fn json(status: StatusCode, body: String) -> Response {
    let mut response = (status, [(header::CONTENT_TYPE, "application/json")], Body::from(body)).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("2"));
    }
    response
}
