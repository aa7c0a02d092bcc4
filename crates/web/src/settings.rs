//! What the edge needs to know, read once at registration.

use std::net::IpAddr;

use host::{Environment, Registry, ServerConfig};

use crate::address::Network;
use crate::layers::Cors;

/// The settings of the edge.
#[derive(Debug, Clone)]
pub struct Settings {
    pub listen: IpAddr,
    pub port: u16,
    pub body_max_bytes: usize,
    pub header_read_timeout_s: u64,
    pub request_timeout_s: u64,
    pub stall_timeout_s: u64,
    pub connections_max: u32,
    pub trusted_proxies: Vec<Network>,
    /// The names that we answer for, in lower case; none where any name will do.
    hosts: Option<Vec<String>>,
    pub(crate) cors: Cors,
    pub read_only: bool,
    pub serves_openapi: bool,
    pub serves_docs: bool,
}

impl Settings {
    /// Whether a request for this host is meant for us.
    pub(crate) fn is_our_host(&self, name: &str) -> bool {
        self.hosts.as_ref().is_none_or(|hosts| hosts.iter().any(|host| host.eq_ignore_ascii_case(name)))
    }

    pub(crate) fn read(app: &mut Registry) -> Self {
        let server: ServerConfig = app.config();
        let environment: Environment = app.environment();
        let mut trusted_proxies = vec![];
        for text in &server.trusted_proxies {
            match text.parse() {
                Ok(network) => trusted_proxies.push(network),
                Err(_) => {
                    app.config_fault(
                        "server.trusted_proxies",
                        format!("expected an address or a network such as 10.0.0.0/8, not `{text}`"),
                    );
                }
            }
        }
        Self {
            listen: server.listen,
            port: server.port,
            body_max_bytes: server.body_max_bytes,
            header_read_timeout_s: server.header_read_timeout_s,
            request_timeout_s: server.request_timeout_s,
            stall_timeout_s: server.stall_timeout_s,
            connections_max: server.connections_max,
            trusted_proxies,
            hosts: hosts(app, &server, environment),
            cors: Cors::new(server.cors_origins.clone(), server.cors_credentials),
            read_only: server.read_only,
            serves_openapi: server.serves_openapi(environment),
            serves_docs: server.serves_docs(environment),
        }
    }
}

/// How a machine calls itself. Nobody else's name leads there, so no link of a stranger can carry it.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The host of the public address and those that are named beside it; on loopback the machine's own
/// as well, for `smoke` and for a person who looks past the proxy. A machine of one's own is opened
/// under whatever name it has.
fn hosts(app: &Registry, server: &ServerConfig, environment: Environment) -> Option<Vec<String>> {
    if environment.is_dev() {
        return None;
    }
    let public = url::Url::parse(app.public_url()).ok().and_then(|url| url.host_str().map(str::to_owned));
    let own = LOOPBACK.iter().filter(|_| server.listen.is_loopback()).map(|&name| name.to_owned());
    Some(server.hosts.iter().map(|host| host.to_ascii_lowercase()).chain(public).chain(own).collect())
}
