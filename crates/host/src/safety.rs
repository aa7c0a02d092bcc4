//! Settings that parse and still must not run: refused with exit code 5, or 3 where they make no
//! sense anywhere.

use std::net::IpAddr;

use kernel::crash::CrashAt;

use crate::settings::{ServerConfig, Settings};
use crate::{Environment, Registry, locate, master_key, telemetry};

/// More connections than this on one Postgres server is a mistake of a digit.
const CONNECTIONS_MAX_MOST: u32 = 500;
/// A day: nothing that a client waits for takes longer.
const TIMEOUT_MOST_S: u64 = 86_400;

/// Notes everything about the host's own settings that is wrong or unsafe here.
pub(crate) fn check(app: &mut Registry, settings: &Settings) {
    listening(app, "server.listen", settings.server.listen);
    listening(app, "metrics.listen", settings.metrics.listen);
    figures(app, settings.metrics.listen);
    proxies(app, &settings.server.trusted_proxies);
    public_url(app, settings.server.public_url.as_deref());
    hosts(app, &settings.server.hosts);
    origins(app, &settings.server);
    key(app, settings);
    previous_key(app, settings);
    numbers(app, settings);
    crash(app, settings.dev.crash_at.as_deref());
    roles(app, settings);
    if let Err(why) = telemetry::filter(&settings.log.level) {
        app.config_fault("log.level", why);
    }
}

/// A development server shows its mailbox and its clock to whoever reaches it, so it has to be said
/// on purpose that others may.
fn listening(app: &mut Registry, key: &str, address: IpAddr) {
    if !address.is_loopback() && !app.settings().environment_is_set() {
        app.config_refusal(
            key,
            format!("{address} can be reached by others while AUTORISEN_ENV is not set; set it to say where this runs"),
        );
    }
}

/// Figures tell what is going on inside to whoever asks: in production they are for the machine itself
/// or a private network.
fn figures(app: &mut Registry, address: IpAddr) {
    if app.environment().is_production() && !is_private(address) {
        let message = format!(
            "{address} can be reached from outside, and whoever asks is told the figures; listen on 127.0.0.1 or an address of a private network"
        );
        app.config_refusal("metrics.listen", message);
    }
}

/// Loopback, or one of the ranges that no router of the internet forwards (RFC 1918, 3927, 4193, 4291, 6598).
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_loopback() || ip.is_private() || ip.is_link_local() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// Whoever is trusted as a proxy says who the client is, and the limits of sign-in count by that.
fn proxies(app: &mut Registry, trusted: &[String]) {
    let key = "server.trusted_proxies";
    if app.environment().is_production()
        && let Some(everybody) = trusted.iter().find(|network| network.ends_with("/0"))
    {
        let message =
            format!("`{everybody}` believes everybody about their own address, which switches the limits of sign-in off; name the proxies");
        app.config_refusal(key, message);
    }
}

fn public_url(app: &mut Registry, url: Option<&str>) {
    let key = "server.public_url";
    let production = app.environment().is_production();
    let Some(url) = url else {
        if production {
            app.config_refusal(key, "production has to know its public address: links in mails start with it");
        }
        return;
    };
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    let plain = |host: &str| !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c.is_control() || "/?#@\\".contains(c));
    if !host.is_some_and(plain) {
        app.config_fault(key, "expected an address without a path, such as https://app.example.com");
    } else if production && !url.starts_with("https://") {
        app.config_refusal(key, "production is reached by https only: cookies and links would travel in the clear");
    }
}

fn hosts(app: &mut Registry, hosts: &[String]) {
    for host in hosts {
        if host.is_empty() || !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._[:]".contains(&byte)) || is_with_port(host) {
            app.config_fault("server.hosts", format!("expected a name such as api.example.com, not `{host}`"));
        }
    }
}

/// Only an address of IPv6, in brackets, has colons of its own.
fn is_with_port(host: &str) -> bool {
    if host.starts_with('[') { !host.ends_with(']') } else { host.contains(':') }
}

fn origins(app: &mut Registry, server: &ServerConfig) {
    let key = "server.cors_origins";
    for origin in server.cors_origins.iter().filter(|origin| *origin != "*") {
        let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        let is_plain = |host: &str| !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic() && !b"/?#@\\*".contains(&byte));
        // Browsers write origins in lower case, and they are compared as they are written.
        if !host.is_some_and(is_plain) || origin.bytes().any(|byte| byte.is_ascii_uppercase()) {
            app.config_fault(
                key,
                format!("expected an origin such as https://app.example.com in lower case and without a path, not `{origin}`"),
            );
        }
    }
    if server.cors_credentials && server.cors_origins.iter().any(|origin| origin == "*") {
        let why = "every site could act with the cookies of whoever visits it; name the origins, or set server.cors_credentials to false";
        app.config_refusal(key, why);
    }
}

fn key(app: &mut Registry, settings: &Settings) {
    match &settings.security.master_key {
        Some(given) => {
            let weak = match master_key::parse(given.expose()) {
                Err(why) => Some(why),
                Ok(key) if app.environment().is_production() && master_key::is_typed(&key) => Some("this key was typed, not drawn"),
                Ok(_) => None,
            };
            match weak {
                Some(why) if app.environment().is_dev() => app.config_fault("security.master_key", why),
                Some(why) => app.config_refusal("security.master_key", format!("{why}; `openssl rand -hex 32` makes one")),
                None => {}
            }
        }
        None if app.environment().is_dev() => {}
        None => {
            let why = format!("{} needs a key of its own; `openssl rand -hex 32` makes one", app.environment());
            app.config_refusal("security.master_key", why);
        }
    }
}

/// A server that dies on purpose has no place where somebody relies on it.
fn crash(app: &mut Registry, at: Option<&str>) {
    let (key, Some(at)) = ("dev.crash_at", at) else { return };
    if !app.environment().is_dev() {
        app.config_refusal(key, "a process dies on purpose in development, demo and test only");
    } else if let Err(wrong) = at.parse::<CrashAt>() {
        app.config_fault(key, wrong.to_string());
    }
}

/// The owner of the tables passes row-level security, so in production the tenant door has a login
/// that owns nothing, and the system door one that can't change the schema.
fn roles(app: &mut Registry, settings: &Settings) {
    let database = &settings.database;
    let owner = database.url.as_ref().or(database.owner_url.as_ref());
    if !app.environment().is_production() || !owner.is_some_and(|url| locate::is_postgres(url.expose())) {
        return;
    }
    for (key, url) in [("database.app_url", &database.app_url), ("database.system_url", &database.system_url)] {
        if url.is_none() {
            app.config_refusal(
                key,
                "production gives each door a PostgreSQL login of its own; one login for all could pass row-level security",
            );
        }
    }
}

/// The other key of a rotation, which needs an end.
fn previous_key(app: &mut Registry, settings: &Settings) {
    let security = &settings.security;
    let Some(given) = &security.previous_master_key else { return };
    if let Err(why) = master_key::parse(given.expose()) {
        app.config_fault("security.previous_master_key", why);
    }
    if security.previous_master_key_until.is_none() {
        app.config_fault(
            "security.previous_master_key_until",
            "say until when the previous key is believed: a leaked key must not be for ever",
        );
    }
}

fn numbers(app: &mut Registry, settings: &Settings) {
    let server = &settings.server;
    let timeouts = [
        ("server.header_read_timeout_s", server.header_read_timeout_s),
        ("server.request_timeout_s", server.request_timeout_s),
        ("server.stall_timeout_s", server.stall_timeout_s),
        ("server.stop_timeout_s", server.stop_timeout_s),
    ];
    for (key, seconds) in timeouts {
        if !(1..=TIMEOUT_MOST_S).contains(&seconds) {
            app.config_fault(key, format!("expected 1 to {TIMEOUT_MOST_S} seconds, found {seconds}"));
        }
    }
    if server.body_max_bytes == 0 {
        app.config_fault("server.body_max_bytes", "expected at least 1");
    }
    let connections = settings.database.connections_max;
    if !(2..=CONNECTIONS_MAX_MOST).contains(&connections) {
        app.config_fault("database.connections_max", format!("expected 2 to {CONNECTIONS_MAX_MOST}, found {connections}"));
    }
}

/// What is allowed here and still worth a line in the log.
pub(crate) fn warnings(environment: Environment, settings: &Settings, postgres: bool) -> Vec<&'static str> {
    let database = &settings.database;
    let mut all = Vec::new();
    if !environment.is_dev() && !environment.is_production() && postgres && (database.app_url.is_none() || database.system_url.is_none()) {
        all.push("one Postgres login serves all three roles; give database.app_url and database.system_url logins of their own");
    }
    all
}
