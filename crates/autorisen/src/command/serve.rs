//! `serve` and `worker`.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use host::telemetry::Stream;
use host::{Prepared, Roles, Running};
use tokio::net::TcpSocket;
use tokio::signal::unix::{Signal, SignalKind, signal};

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
    let wanted = asked.port.or_else(|| sources.vars.get("PORT")?.parse().ok());
    // Links and tokens carry our address, so it has to be known before anything registers. The socket
    // keeps the port from others until ours is bound beside it.
    let kept = if wanted == Some(0) { Some(free_port(asked.listen)?) } else { None };
    if let Some(port) = kept.as_ref().map(|(_, port)| *port).or(asked.port) {
        sources = sources.set("server.port", port.to_string());
    }
    if let Some(listen) = asked.listen {
        sources = sources.set("server.listen", listen.to_string());
    }
    let prepared = app.prepare(sources.with_a_port())?;
    log_to(&prepared, Stream::Stdout);
    run(&prepared, Roles::ALL, greet).await
}

pub(super) async fn worker(app: App, shared: &Shared) -> Result<(), Ended> {
    let mut sources = shared.sources();
    if let Some(url) = crate::dev::kept_public_url(&sources).await {
        sources = sources.set("server.public_url", url);
    }
    let prepared = app.prepare(sources)?;
    log_to(&prepared, Stream::Stdout);
    if prepared.is_embedded() {
        return Err(Ended::failed("an embedded database has one process; `serve` works its queue off already")
            .hint("run `autorisen serve`, or point DATABASE_URL at PostgreSQL"));
    }
    if prepared.settings().server.public_url.is_none() {
        let url = prepared.registry().public_url();
        tracing::warn!(
            event = "worker.public_url_unknown",
            url,
            "no server on this database has said where it is reached: links in mails begin with {url}; set AUTORISEN_PUBLIC_URL"
        );
    }
    let ready = |started: &Started| {
        tracing::info!(event = "worker.ready", public_url = %started.running.core.public_url, "working off durable work");
    };
    run(&prepared, Roles { web: false, worker: true }, ready).await
}

/// A socket on a port that nobody has; it doesn't listen.
fn free_port(listen: Option<IpAddr>) -> Result<(TcpSocket, u16), Ended> {
    let address = listen.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let bound = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind((address, 0).into())?;
        let port = socket.local_addr()?.port();
        Ok((socket, port))
    };
    bound().map_err(|error: io::Error| Ended::unreachable(format!("no port is free on {address}: {error}")))
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

/// Starts and runs until the end. The signals are heard from the beginning: whoever is told that we are
/// ready, or ends us before, is not met by the system's own way of ending a process.
async fn run(prepared: &Prepared, roles: Roles, ready: impl FnOnce(&Started)) -> Result<(), Ended> {
    let mut signals = Signals::begin();
    let started = tokio::select! {
        started = start(prepared, roles) => started?,
        () = signals.next() => return Ok(()),
    };
    ready(&started);
    until(started.running, signals).await
}

/// Runs until a signal or a failed service ends it; a second signal doesn't wait.
pub async fn until_stopped(running: Running) -> Result<(), Ended> {
    until(running, Signals::begin()).await
}

async fn until(mut running: Running, mut signals: Signals) -> Result<(), Ended> {
    let failed = tokio::select! {
        (service, failure) = running.failed() => Some(format!("the service `{service}` gave up: {failure}")),
        () = signals.next() => None,
    };
    if failed.is_none() {
        tracing::info!(event = "server.stopping", "finishing what is under way; a second signal doesn't wait");
    }
    tokio::select! {
        _ = running.stop() => {}
        () = signals.next() => return Err(Ended::failed("stopped before all work was finished; durable work goes on at the next start")),
    }
    failed.map_or(Ok(()), |what| Err(Ended::failed(what)))
}

/// The first of SIGTERM and SIGINT from now on.
pub async fn stop_signal() {
    Signals::begin().next().await;
}

/// SIGTERM and SIGINT, kept from the moment that this is made.
struct Signals(Option<(Signal, Signal)>);

impl Signals {
    fn begin() -> Self {
        Self(signal(SignalKind::terminate()).ok().zip(signal(SignalKind::interrupt()).ok()))
    }

    async fn next(&mut self) {
        let Some((terminate, interrupt)) = &mut self.0 else { return std::future::pending().await };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}
