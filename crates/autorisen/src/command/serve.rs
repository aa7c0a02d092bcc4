//! `serve` and `worker`.

use std::net::IpAddr;

use host::telemetry::Stream;
use host::{Roles, Running};
use store::Engine;

use super::{Shared, log_to, tell};
use crate::App;
use crate::start::{Ended, Started, start};

/// Answer requests and work off durable work.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Serve {
    /// The port to listen on; 0 takes any free one.
    #[arg(long)]
    port: Option<u16>,
    /// The address to listen on.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<IpAddr>,
    #[command(flatten)]
    shared: Shared,
}

pub(super) async fn serve(app: App, asked: Serve) -> Result<(), Ended> {
    let mut sources = asked.shared.sources();
    if let Some(port) = asked.port {
        sources = sources.set("server.port", port.to_string());
    }
    if let Some(listen) = asked.listen {
        sources = sources.set("server.listen", listen.to_string());
    }
    let prepared = app.prepare(sources)?;
    log_to(&prepared, Stream::Stdout);
    let started = start(&prepared, Roles::ALL).await?;
    greet(&started);
    until_stopped(started.running).await
}

pub(super) async fn worker(app: App, shared: &Shared) -> Result<(), Ended> {
    let prepared = app.prepare(shared.sources())?;
    log_to(&prepared, Stream::Stdout);
    let started = start(&prepared, Roles { web: false, worker: true }).await?;
    if started.running.core.store.engine() == Engine::Sqlite {
        return Err(Ended::failed("an embedded database has one process; `serve` works its queue off already")
            .hint("run `autorisen serve`, or point DATABASE_URL at PostgreSQL"));
    }
    tracing::info!(event = "worker.ready", "working off durable work");
    until_stopped(started.running).await
}

fn greet(started: &Started) {
    let core = &started.running.core;
    let Some(address) = started.address else { return };
    tracing::info!(event = "server.ready", address = %address, environment = %core.environment, "listening");
    if core.environment.is_dev() {
        tell(&format!("Autorisen is at {}", core.public_url));
        tell(&format!("  sign up   {}/signup", core.public_url));
        tell(&format!("  mailbox   {}/dev/mail", core.public_url));
        tell(&format!("  reference {}/docs", core.public_url));
    }
}

/// Runs until a signal or a failed service ends it; a second signal doesn't wait.
pub async fn until_stopped(mut running: Running) -> Result<(), Ended> {
    let failed = tokio::select! {
        (service, failure) = running.failed() => Some(format!("the service `{service}` gave up: {failure}")),
        () = stop_signal() => None,
    };
    if failed.is_none() {
        tracing::info!(event = "server.stopping", "finishing what is under way; a second signal doesn't wait");
    }
    tokio::select! {
        _ = running.stop() => {}
        () = stop_signal() => return Err(Ended::failed("stopped before all work was finished; durable work goes on at the next start")),
    }
    failed.map_or(Ok(()), |what| Err(Ended::failed(what)))
}

/// The first of SIGTERM and SIGINT.
pub async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
