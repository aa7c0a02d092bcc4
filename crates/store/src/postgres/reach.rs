//! Why no connection came: the pool only knows that it waited.

use std::path::Path;
use std::time::Duration;

use sqlx::PgPool;
use tokio::net::{TcpStream, UnixStream};

use crate::StoreError;

/// A server on the same network answers within this; whoever waits has waited before.
const PROBE_WAIT: Duration = Duration::from_millis(300);

/// Says in the error what stands behind a pool that gave no connection in time: whether anybody
/// listens there at all, or whether the shelf `is_bare`. The text is for the log and the terminal; it
/// holds no password.
pub(super) async fn explain(pool: &PgPool, is_bare: bool, error: sqlx::Error) -> StoreError {
    if !matches!(error, sqlx::Error::PoolTimedOut | sqlx::Error::Io(_)) {
        return error.into();
    }
    let options = pool.connect_options();
    let (host, port) = (options.get_host().to_owned(), options.get_port());
    let folder = options.get_socket().cloned().or_else(|| host.starts_with('/').then(|| host.clone().into()));
    let (place, tried) = match folder {
        Some(folder) => {
            let socket = folder.join(format!(".s.PGSQL.{port}"));
            (socket.display().to_string(), tokio::time::timeout(PROBE_WAIT, by_socket(&socket)).await)
        }
        None => (format!("{host}:{port}"), tokio::time::timeout(PROBE_WAIT, by_network(&host, port)).await),
    };
    StoreError::Unavailable(match tried {
        Ok(Err(why)) => format!("{place} can't be reached: {why}"),
        // It listens by now; then the first error says more.
        Ok(Ok(())) if matches!(error, sqlx::Error::Io(_)) => error.to_string(),
        Ok(Ok(())) if is_bare => format!("all {} connections are in use", pool.options().get_max_connections()),
        Ok(Ok(())) | Err(_) => format!("{place} does not answer in time"),
    })
}

async fn by_socket(socket: &Path) -> std::io::Result<()> {
    UnixStream::connect(socket).await.map(drop)
}

async fn by_network(host: &str, port: u16) -> std::io::Result<()> {
    TcpStream::connect((host, port)).await.map(drop)
}
