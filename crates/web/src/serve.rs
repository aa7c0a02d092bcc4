//! Serving: hyper under the router, because bare `axum::serve` leaves a half-sent header open for
//! as long as the sender likes.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, OnceLock};
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
use tower::ServiceExt as _;

use crate::mount::{Mounts, assemble};
use crate::settings::Settings;

/// Time that open requests get to finish when the process stops.
const DRAIN: Duration = Duration::from_secs(20);
/// Connections that wait in the kernel while we are busy.
const BACKLOG: u32 = 1024;
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
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(200);
    let graceful = GracefulShutdown::new();
    let mut stopping = std::pin::pin!(core.tasks.stopping());
    loop {
        tokio::select! {
            () = &mut stopping => break,
            accepted = socket.accept() => match accepted {
                Ok((stream, peer)) => connection(&core, &builder, &graceful, router.clone(), stream, peer),
                Err(error) => {
                    tracing::warn!(event = "http.accept_failed", %error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(socket);
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!(event = "http.drain_ended", "some requests were cut off after {} s", DRAIN.as_secs());
    }
    Ok(())
}

fn connection(
    core: &Core,
    builder: &auto::Builder<TokioExecutor>,
    graceful: &GracefulShutdown,
    router: Router,
    stream: TcpStream,
    peer: SocketAddr,
) {
    // Small answers should not wait for more to come.
    let _ = stream.set_nodelay(true);
    let service = router.map_request(move |mut request: axum::http::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.map(axum::body::Body::new)
    });
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service)).into_owned();
    let watched = graceful.watch(connection);
    core.tasks.spawn("http.connection", async move {
        if let Err(error) = watched.await {
            tracing::debug!(event = "http.connection_ended", error = %error, "a connection ended early");
        }
    });
}
