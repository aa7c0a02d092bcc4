//! The host's own sections.

use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};

use crate::{Environment, Registry, SecretRef, section};

/// Room for a page of a form or a list of a hundred small records; imports and uploads have limits
/// of their own.
const BODY_MAX_BYTES: usize = 1024 * 1024;
/// A client on one bar of signal needs seconds for its headers; one that dribbles them is cut off.
const HEADER_READ_TIMEOUT_S: u64 = 10;
/// As many as a process holds in 512 MB with room to work; more wait in the kernel's queue.
const SOCKETS_MAX: u32 = 16_384;
/// Longer than the slowest honest request, shorter than what a balancer waits for (60 s).
const REQUEST_TIMEOUT_S: u64 = 30;
/// A tunnel or a change of cells; longer silence is no slow client but a gone one.
const STALL_TIMEOUT_S: u64 = 20;
/// Shorter than the grace that Kubernetes and Docker swarm give before they kill (30 s).
const STOP_TIMEOUT_S: u64 = 20;
/// Enough for a few hundred requests a second; each connection of Postgres costs it some megabytes.
const CONNECTIONS_MAX: u32 = 16;

section! {
    /// How the program is reached, and what a single request may cost.
    pub struct ServerConfig("server") {
        /// The address to listen on. Anything but loopback needs `AUTORISEN_ENV` to be set.
        listen: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST),
        /// The port to listen on; 0 takes any free one.
        #[env("PORT")]
        port: u16 = 8000,
        /// Where people reach the program, such as `https://app.example.com`; every link in a mail starts with it. Unset: the address that is listened on.
        #[env("AUTORISEN_PUBLIC_URL")]
        public_url: Option<String> = None,
        /// The largest body of a request, in bytes.
        body_max_bytes: usize = BODY_MAX_BYTES,
        /// How long a client may take to send its headers, in seconds.
        header_read_timeout_s: u64 = HEADER_READ_TIMEOUT_S,
        /// How many clients may be connected at a time.
        connections_max: u32 = SOCKETS_MAX,
        /// How long a request may take, in seconds.
        request_timeout_s: u64 = REQUEST_TIMEOUT_S,
        /// How long running work may take to end when the program stops, in seconds.
        stop_timeout_s: u64 = STOP_TIMEOUT_S,
        /// How long a client may send nothing of a body, or take nothing of an answer, in seconds; a trickle buys more time.
        stall_timeout_s: u64 = STALL_TIMEOUT_S,
        /// Addresses or networks (`10.0.0.0/8`) of the proxies in front, whose word on the client's address is believed.
        trusted_proxies: Vec<String> = Vec::new(),
        /// Host names that are answered besides that of `server.public_url`, such as `api.example.com`; on a loopback address its own names are too. In development, demo and test every name is.
        hosts: Vec<String> = Vec::new(),
        /// Origins such as `https://app.example.com` whose scripts may call the API from a browser; `*` means all of them.
        cors_origins: Vec<String> = Vec::new(),
        /// Whether those scripts may come with a session cookie. Never together with `*`.
        cors_credentials: bool = false,
        /// Refuses whatever would change anything, for times of repair. Reading, signing in and out, health and the webhooks of payment providers go on.
        #[env("AUTORISEN_READ_ONLY")]
        read_only: bool = false,
        /// Whether `/openapi.json` is served. Unset: everywhere but in production.
        openapi: Option<bool> = None,
        /// Whether the reference page `/docs` is served. Unset: everywhere but in production.
        docs: Option<bool> = None,
    }
}

impl ServerConfig {
    /// Whether `/openapi.json` is served here.
    pub fn serves_openapi(&self, environment: Environment) -> bool {
        self.openapi.unwrap_or(!environment.is_production())
    }

    /// Whether `/docs` is served here.
    pub fn serves_docs(&self, environment: Environment) -> bool {
        self.docs.unwrap_or(!environment.is_production())
    }
}

section! {
    /// Where the rows are kept.
    pub struct DatabaseConfig("database") {
        /// `sqlite:PATH` or `postgres://user:password@host/name`. Unset: `autorisen.db` in the data folder. Composed of `POSTGRES_HOST`, `POSTGRES_PORT`, `POSTGRES_USER`, `POSTGRES_PASSWORD` and `POSTGRES_DB` where those are set.
        #[env("DATABASE_URL")]
        url: Option<SecretRef> = None,
        /// Postgres: the role that owns the tables and migrates them. Unset: as `database.url`.
        owner_url: Option<SecretRef> = None,
        /// Postgres: the role behind the tenant door, held by row-level security. Unset: assumed by the program.
        app_url: Option<SecretRef> = None,
        /// Postgres: the role behind the system door. Unset: assumed by the program.
        system_url: Option<SecretRef> = None,
        /// The most connections that this process opens.
        connections_max: u32 = CONNECTIONS_MAX,
    }
}

section! {
    /// The one key that everything else is derived from.
    pub struct SecurityConfig("security") {
        /// 32 random bytes in hex or base 64, from which every key of encryption and signing is derived. In development, demo and test a key file in the data folder stands in; elsewhere the boot refuses without it.
        #[env("AUTORISEN_MASTER_KEY")]
        master_key: Option<SecretRef> = None,
        /// While the master key is replaced, the other one: what it sealed opens, and what it signed is believed until `previous_master_key_until`. First give every replica the new key here, then exchange the two, then take the old one out.
        #[env("AUTORISEN_PREVIOUS_MASTER_KEY")]
        previous_master_key: Option<SecretRef> = None,
        /// Until when tokens, forms and cursors that the previous key signed are believed, such as `2027-01-31T12:00:00Z`: a quarter of an hour after the exchange is enough.
        #[env("AUTORISEN_PREVIOUS_MASTER_KEY_UNTIL")]
        previous_master_key_until: Option<kernel::At> = None,
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, else JSON.
    Auto,
    /// One JSON object per line.
    Json,
    /// For eyes.
    Text,
}

section! {
    /// What is logged, and how.
    pub struct LogConfig("log") {
        /// `error`, `warn`, `info`, `debug` or `trace`, also per part: `info,recovery=debug`.
        #[env("LOG_LEVEL")]
        level: String = "info".to_owned(),
        /// `auto` (text on a terminal, else JSON), `json` or `text`.
        #[env("LOG_FORMAT")]
        format: LogFormat = LogFormat::Auto,
    }
}

section! {
    /// Figures for monitoring, on a port of their own.
    pub struct MetricsConfig("metrics") {
        /// The address to serve them on. Anything but loopback needs `AUTORISEN_ENV` to be set.
        listen: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST),
        /// The port to serve them on. A busy one is a warning, never a reason not to start.
        #[env("METRICS_PORT")]
        port: u16 = 9464,
    }
}

section! {
    /// What only development, demo and test may do.
    pub struct DevConfig("dev") {
        /// Where the process is to die, as if it were killed there: `before_commit`, `after_commit`, `after_effect`, `after_handover`, `in_migration` or `in_rotation`, and perhaps the how manieth time, `after_commit:3`. For tests of crashes; refused elsewhere.
        #[env("AUTORISEN_CRASH_AT")]
        crash_at: Option<String> = None,
    }
}

/// The host's own settings, read.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub server: ServerConfig,
    pub database: DatabaseConfig,
    pub security: SecurityConfig,
    pub log: LogConfig,
    pub metrics: MetricsConfig,
    pub dev: DevConfig,
}

impl Settings {
    pub(crate) fn read(app: &mut Registry) -> Self {
        Self {
            server: app.config(),
            database: app.config(),
            security: app.config(),
            log: app.config(),
            metrics: app.config(),
            dev: app.config(),
        }
    }
}
