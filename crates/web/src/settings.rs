//! What the edge needs to know, read once at registration.

use std::net::IpAddr;

use host::{Environment, Registry, ServerConfig};

use crate::address::Network;

/// The settings of the edge.
#[derive(Debug, Clone)]
pub struct Settings {
    pub listen: IpAddr,
    pub port: u16,
    pub body_max_bytes: usize,
    pub header_read_timeout_s: u64,
    pub request_timeout_s: u64,
    pub connections_max: u32,
    pub trusted_proxies: Vec<Network>,
    pub serves_openapi: bool,
    pub serves_docs: bool,
}

impl Settings {
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
            connections_max: server.connections_max,
            trusted_proxies,
            serves_openapi: server.serves_openapi(environment),
            serves_docs: server.serves_docs(environment),
        }
    }
}
