//! Serving: hyper under the router, because bare `axum::serve` leaves a half-sent header open for
//! as long as the sender likes.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use host::{Core, Registry, Role};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use kernel::Failure;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt as _;

use crate::mount::{Mounts, assemble};
use crate::settings::Settings;

/// Time that open requests get to finish when the process stops.
const DRAIN: Duration = Duration::from_secs(20);
/// Connections that wait in the kernel while we are busy.
const BACKLOG: u32 = 1024;
/// Requests that one HTTP/2 connection may have open: what browsers and proxies ask for at most.
const STREAMS_MAX: u32 = 200;
/// How often a quiet HTTP/2 peer is asked for a sign of life.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Pause after the system refused a connection, so that a lack of file handles doesn't burn a core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The module that serves what the others mount.
pub struct Module;

impl host::Module for Module {
    fn name(&self) -> &'static str {
        "web"
    }

    fn register(&self, app: &mut Registry) {
        app.slot::<Mounts>();
        app.provide(Listening::default());
        let settings = Settings::read(app);
        app.provide(settings);
        crate::metrics::register(app);
        crate::limits::register(app);
        app.service("http", Role::Web, serve);
    }
}

/// The bound socket: taken once by the service, its address readable by everybody.
#[derive(Default)]
pub struct Listening {
    socket: Mutex<Option<TcpListener>>,
    address: OnceLock<SocketAddr>,
}

impl Listening {
    /// Where this process listens, once it does.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address.get().copied()
    }
}

/// Why the program can't listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("port {port} on {address} is taken{}", holder.as_deref().map(|who| format!(" by {who}")).unwrap_or_default())]
    Busy { address: IpAddr, port: u16, holder: Option<String> },
    #[error("can't listen on {address}:{port}: {cause}")]
    Refused { address: IpAddr, port: u16, cause: io::Error },
}

/// Binds the socket before anything else starts, so that a busy port is told at once.
pub fn listen(core: &Core) -> Result<SocketAddr, ListenError> {
    let settings = core.parts.get::<Settings>();
    let (address, port) = (settings.listen, settings.port);
    let refused = |cause: io::Error| match cause.kind() {
        io::ErrorKind::AddrInUse => ListenError::Busy { address, port, holder: crate::port_holder::of(port) },
        _ => ListenError::Refused { address, port, cause },
    };
    let socket = bind(SocketAddr::new(address, port)).map_err(refused)?;
    let bound = socket.local_addr().map_err(refused)?;
    let listening = core.parts.get::<Listening>();
    *listening.socket.lock().expect("no holder of this lock panics") = Some(socket);
    // A second `listen` in one process would be a fault of the caller; the first address stays.
    let _ = listening.address.set(bound);
    Ok(bound)
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { tokio::net::TcpSocket::new_v4()? } else { tokio::net::TcpSocket::new_v6()? };
    // A restarted process takes its port back while old connections are still in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn serve(core: Core) -> Result<(), Failure> {
    let socket = core.parts.get::<Listening>().socket.lock().expect("no holder of this lock panics").take();
    let socket = socket.ok_or_else(|| Failure::internal("the socket was not bound before serving"))?;
    let router = assemble(&core).router;
    let settings = core.parts.get::<Settings>();
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(settings.header_read_timeout_s));
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(STREAMS_MAX).keep_alive_interval(Some(KEEP_ALIVE));
    let patience = Duration::from_secs(settings.header_read_timeout_s);
    let places = Arc::new(Semaphore::new(usize::try_from(settings.connections_max).unwrap_or(Semaphore::MAX_PERMITS)));
    let server = Server { core: core.clone(), builder, graceful: GracefulShutdown::new(), router, patience };
    let mut stopping = std::pin::pin!(core.tasks.stopping());
    loop {
        tokio::select! {
            () = &mut stopping => break,
            (place, accepted) = next(&places, &socket) => match accepted {
                Ok((stream, peer)) => server.connection(stream, peer, place),
                Err(error) => {
                    tracing::warn!(event = "http.accept_failed", %error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(socket);
    if tokio::time::timeout(DRAIN, server.graceful.shutdown()).await.is_err() {
        tracing::warn!(event = "http.drain_ended", "some requests were cut off after {} s", DRAIN.as_secs());
    }
    Ok(())
}

/// Waits for a place, then for somebody to take it.
async fn next(places: &Arc<Semaphore>, socket: &TcpListener) -> (Option<OwnedSemaphorePermit>, io::Result<(TcpStream, SocketAddr)>) {
    // The semaphore is never closed; without a permit the connection would only not be counted.
    let place = places.clone().acquire_owned().await.ok();
    (place, socket.accept().await)
}

/// What every connection is served with.
struct Server {
    core: Core,
    builder: auto::Builder<TokioExecutor>,
    graceful: GracefulShutdown,
    router: Router,
    /// How long a connection may stay silent at its beginning.
    patience: Duration,
}

impl Server {
    /// Serves one connection beside the others; the place is free again when it ends.
    fn connection(&self, stream: TcpStream, peer: SocketAddr, place: Option<OwnedSemaphorePermit>) {
        // Small answers should not wait for more to come.
        stream.set_nodelay(true).ok();
        let spoke = Arc::new(AtomicBool::new(false));
        let heard = spoke.clone();
        let service = self.router.clone().map_request(move |mut request: axum::http::Request<hyper::body::Incoming>| {
            heard.store(true, Ordering::Relaxed);
            request.extensions_mut().insert(ConnectInfo(peer));
            request.map(axum::body::Body::new)
        });
        let connection = self.builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service)).into_owned();
        let (watched, patience) = (self.graceful.watch(connection), self.patience);
        self.core.tasks.spawn("http.connection", async move {
            let _place = place;
            tokio::select! {
                ended = watched => if let Err(error) = ended {
                    tracing::debug!(event = "http.connection_ended", error = %error, "a connection ended early");
                },
                () = silence(&spoke, patience) => tracing::debug!(event = "http.connection_silent", "a connection never spoke"),
            }
        });
    }
}

/// Ends when a connection has said nothing for so long: hyper's own limit on headers begins only
/// with the first byte.
async fn silence(spoke: &AtomicBool, patience: Duration) {
    tokio::time::sleep(patience).await;
    if spoke.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
}
