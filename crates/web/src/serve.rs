//! Serving: hyper under the router and a guard on the wire, because bare `axum::serve` leaves a
//! half-sent header open for as long as the sender likes.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use host::{Core, Registry, Role};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use kernel::Failure;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt as _;

use crate::body::Paced;
use crate::layers;
use crate::mount::{Mounts, assemble};
use crate::needed::Needed;
use crate::settings::Settings;
use crate::wire::{Guarded, Line, Patience, Watch, Watched};

/// Time that open requests get to finish when the process stops.
const DRAIN: Duration = Duration::from_secs(20);
/// When the process stops, requests that were on their way to an open connection are still heard for so
/// long: a trip around the world, and a little more. Nobody can know of the end before.
const LAST_WORD: Duration = Duration::from_millis(500);
/// Connections that wait in the kernel while we are busy.
const BACKLOG: u32 = 1024;
/// Requests that one HTTP/2 connection may have open, each with an answer that waits in our memory: more
/// than a page loads at once, and a proxy that carries more opens a second connection.
const STREAMS_MAX: u32 = 64;
/// How often a quiet HTTP/2 peer is asked for a sign of life.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Bytes of a head that HTTP/2 unpacks before it refuses by itself, without a body: twice what the
/// outermost layer accepts, so that whoever is a little over reads why.
const HTTP2_HEAD_MAX_BYTES: u32 = 64 * 1024;
/// How long a connection of HTTP/1 may idle between requests: longer than the balancers in front
/// keep theirs (60 s), so that it is they who close.
const IDLE_MAX: Duration = Duration::from_secs(75);
/// After an hour a connection is asked to end: nobody holds one for ever, and balancers spread anew.
const AGE_MAX: Duration = Duration::from_hours(1);
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
        app.provide(Needed::default());
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
    let settings = core.parts.get::<Settings>();
    let total = settings.connections_max;
    let places = Arc::new(Semaphore::new(usize::try_from(total).unwrap_or(Semaphore::MAX_PERMITS)));
    let server = Server::new(&core, &settings);
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
    for (stream, peer) in queued(socket) {
        server.connection(stream, peer, places.clone().try_acquire_owned().ok());
    }
    // Each connection ends by itself when the process stops, and gives its place back.
    if tokio::time::timeout(DRAIN, places.acquire_many(total)).await.is_err() {
        tracing::warn!(event = "http.drain_ended", "some requests were cut off after {} s", DRAIN.as_secs());
    }
    Ok(())
}

/// Those who wait in the kernel's queue when we stop: to them the system has said that we listen.
fn queued(socket: TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    // The one of the standard library asks the system at each call; it does not wait here either.
    let Ok(socket) = socket.into_std() else { return Vec::new() };
    let ours = |(stream, peer): (std::net::TcpStream, SocketAddr)| {
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, peer))
    };
    std::iter::from_fn(|| socket.accept().ok()).take(BACKLOG as usize).filter_map(ours).collect()
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
    router: Router,
    patience: Patience,
    /// How long the last requests of a connection may take that has grown old.
    farewell: Duration,
}

impl Server {
    fn new(core: &Core, settings: &Settings) -> Self {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        // The guard on the wire keeps the time of heads; hyper would begin anew with each.
        builder.http1().timer(TokioTimer::new()).header_read_timeout(None);
        let http2 = &mut builder.http2();
        http2.timer(TokioTimer::new()).max_concurrent_streams(STREAMS_MAX).keep_alive_interval(Some(KEEP_ALIVE));
        http2.max_header_list_size(HTTP2_HEAD_MAX_BYTES);
        let patience = Patience {
            head: Duration::from_secs(settings.header_read_timeout_s),
            idle: IDLE_MAX,
            stall: Duration::from_secs(settings.stall_timeout_s),
        };
        let farewell = Duration::from_secs(settings.request_timeout_s) + patience.stall;
        Self { core: core.clone(), builder, router: assemble(core).router, patience, farewell }
    }

    /// Serves one connection beside the others; the place is free again when it ends.
    fn connection(&self, stream: TcpStream, peer: SocketAddr, place: Option<OwnedSemaphorePermit>) {
        // Small answers should not wait for more to come.
        stream.set_nodelay(true).ok();
        let line = Arc::new(Line::default());
        let io = TokioIo::new(Guarded::new(stream, line.clone(), self.patience));
        let (grace, answered) = (self.patience.stall, line.clone());
        let watch = Arc::new(Watch::default());
        let (hears, watches) = (watch.clone(), watch.clone());
        let heard = move |request: http::Request<Incoming>| {
            hears.heard(request.version());
            arrived(request, peer, &line, grace)
        };
        let service = self.router.clone().map_request(heard).map_response(move |mut response: Response| {
            answered.end();
            layers::offer_options(&mut response);
            response.map(|body| Watched::new(body, &watches))
        });
        let connection = self.builder.serve_connection(io, TowerToHyperService::new(service)).into_owned();
        let (stopping, farewell) = (self.core.tasks.stopping(), self.farewell);
        self.core.tasks.spawn("http.connection", async move {
            let _place = place;
            let mut connection = std::pin::pin!(connection);
            let left = tokio::select! {
                ended = connection.as_mut() => return told(ended),
                () = stopping => tokio::select! {
                    ended = connection.as_mut() => return told(ended),
                    () = tokio::time::sleep(LAST_WORD) => DRAIN,
                },
                () = watch.stalled(grace) => return,
                () = tokio::time::sleep(AGE_MAX) => farewell,
            };
            connection.as_mut().graceful_shutdown();
            if let Ok(ended) = tokio::time::timeout(left, connection).await {
                told(ended);
            }
        });
    }
}

/// A request as hyper hands it over, with what the wire knows about it.
fn arrived(mut request: http::Request<Incoming>, peer: SocketAddr, line: &Line, grace: Duration) -> http::Request<Body> {
    if let Some(offence) = line.begin() {
        request.extensions_mut().insert(offence);
    }
    request.extensions_mut().insert(ConnectInfo(peer));
    if http_body::Body::is_end_stream(request.body()) {
        return request.map(|_| Body::empty());
    }
    let (mut parts, body) = request.into_parts();
    let (body, awaited) = Paced::new(body, grace);
    parts.extensions.insert(awaited);
    http::Request::from_parts(parts, Body::new(body))
}

fn told(ended: Result<(), axum::BoxError>) {
    if let Err(error) = ended {
        tracing::debug!(event = "http.connection_ended", error = %error, "a connection ended early");
    }
}
