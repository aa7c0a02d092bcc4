//! Settings that parse and still must not run: refused with exit code 5, or 3 where they make no
//! sense anywhere.

use std::net::IpAddr;

use crate::settings::Settings;
use crate::{Environment, Registry, master_key, telemetry};

/// More connections than this on one Postgres server is a mistake of a digit.
const CONNECTIONS_MAX_MOST: u32 = 500;
/// A day: nothing that a client waits for takes longer.
const TIMEOUT_MOST_S: u64 = 86_400;

/// Notes everything about the host's own settings that is wrong or unsafe here.
pub(crate) fn check(app: &mut Registry, settings: &Settings) {
    listening(app, "server.listen", settings.server.listen);
    listening(app, "metrics.listen", settings.metrics.listen);
    public_url(app, settings.server.public_url.as_deref());
    key(app, settings);
    previous_key(app, settings);
    numbers(app, settings);
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

fn key(app: &mut Registry, settings: &Settings) {
    match &settings.security.master_key {
        Some(given) => {
            if let Err(why) = master_key::parse(given.expose()) {
                app.config_fault("security.master_key", why);
            }
        }
        None if app.environment().is_dev() => {}
        None => {
            let why = format!("{} needs a key of its own; `openssl rand -hex 32` makes one", app.environment());
            app.config_refusal("security.master_key", why);
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
    if environment.is_production() && postgres && (database.app_url.is_none() || database.system_url.is_none()) {
        all.push("one Postgres login serves all three roles; give database.app_url and database.system_url logins of their own");
    }
    all
}
