//! Figures for monitoring, on a port of their own so that nobody outside can ask for them.
//!
//! Labels are bounded: the route's template, the method, the class of the status; never an id, an
//! organization or free text.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::http::header;
use axum::routing::get;
use host::{Core, MetricsConfig, Registry, Role};
use kernel::Failure;
use metrics::{Counter, Histogram, counter, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use tokio::net::TcpListener;

/// From what a cache answers to what the request limit cuts off, in seconds.
const BUCKETS_S: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// The recorder of this process and where it is served.
pub(crate) struct Metrics {
    recorder: PrometheusRecorder,
    at: SocketAddr,
    /// The figures of each route: looking one up by its labels costs more than counting.
    known: RwLock<HashMap<String, Vec<Figure>>>,
}

/// The figures of one method and status of a route.
struct Figure {
    method: &'static str,
    status: u16,
    answered: Counter,
    took: Histogram,
}

pub(crate) fn register(app: &mut Registry) {
    let config: MetricsConfig = app.config();
    let builder = PrometheusBuilder::new().set_buckets(&BUCKETS_S).expect("the buckets are not empty");
    app.provide(Metrics { recorder: builder.build_recorder(), at: SocketAddr::new(config.listen, config.port), known: RwLock::default() });
    app.service("metrics", Role::Always, serve);
}

impl Metrics {
    /// Counts one answered request.
    pub(crate) fn answered(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(route).and_then(|all| all.iter().find(|figure| figure.status == status && figure.method == method));
        if let Some(figure) = found {
            return figure.count(took);
        }
        drop(known);
        let figure = self.figure(method, route, status);
        figure.count(took);
        self.known.write().unwrap_or_else(PoisonError::into_inner).entry(route.to_owned()).or_default().push(figure);
    }

    fn figure(&self, method: &'static str, route: &str, status: u16) -> Figure {
        let labels = [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.to_string())];
        metrics::with_local_recorder(&self.recorder, || Figure {
            method,
            status,
            answered: counter!("http_requests_total", &labels),
            took: histogram!("http_request_duration_seconds", &labels[..2]),
        })
    }
}

impl Figure {
    fn count(&self, took: Duration) {
        self.answered.increment(1);
        self.took.record(took.as_secs_f64());
    }
}

/// What `/metrics` answers.
pub fn figures(core: &Core) -> String {
    core.parts.get::<Metrics>().recorder.handle().render()
}

/// Serves `/metrics` until the process stops. A busy port is told and never a reason not to run.
async fn serve(core: Core) -> Result<(), Failure> {
    let part = core.parts.get::<Metrics>();
    let socket = match TcpListener::bind(part.at).await {
        Ok(socket) => socket,
        Err(error) => {
            tracing::warn!(event = "metrics.port_busy", address = %part.at, %error, "metrics are not served");
            return Ok(());
        }
    };
    let asked = core.clone();
    let router = Router::new()
        .route("/metrics", get(move || async move { ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], figures(&asked)) }));
    let stopping = core.tasks.stopping();
    axum::serve(socket, router).with_graceful_shutdown(stopping).await.map_err(Failure::internal)
}
