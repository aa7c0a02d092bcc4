//! The server behind the key-value side, where one is configured: its settings, the service that
//! keeps the line to it, and a check that tells how it is.

use std::time::Duration;

use store::Valkey;

use crate::{Registry, Role, SecretRef, section};

/// Half of the tenth of a second that a request may lose to a server that hangs.
const TIMEOUT_MS: u64 = 50;
/// A longer wait would make a slow server worse than none.
const TIMEOUT_MAX_MS: u64 = 1000;
/// Long enough for the name of a program and of what it is for.
const PREFIX_LEN_MAX: usize = 64;

section! {
    /// A Valkey or Redis that the replicas share for limits, caches and news. Without one each process has its own, and nothing else changes.
    pub struct ValkeyConfig("valkey") {
        /// `redis://`, `rediss://` (TLS), `valkey://`, `valkeys://` or `unix:///path`, with user and password where the server wants them. One server with its replicas, not a cluster. Unset: none.
        #[env("VALKEY_URL", "REDIS_URL")]
        url: Option<SecretRef> = None,
        /// What every key and channel begins with; programs that share a server need different ones.
        prefix: String = "autorisen".to_owned(),
        /// How long an answer is waited for, in milliseconds. A server that is slower is left alone until it is faster.
        timeout_ms: u64 = TIMEOUT_MS,
    }
}

/// Reads the settings, and registers what keeps the line. `None` without a server, or with settings
/// that are wrong, which were noted.
pub(crate) fn register(app: &mut Registry) -> Option<Valkey> {
    let config: ValkeyConfig = app.config();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    if config.prefix.is_empty() || config.prefix.len() > PREFIX_LEN_MAX || !config.prefix.chars().all(is_plain) {
        app.config_fault("valkey.prefix", format!("expected 1 to {PREFIX_LEN_MAX} letters, digits, `-`, `_`, `.` or `:`"));
    }
    if !(1..=TIMEOUT_MAX_MS).contains(&config.timeout_ms) {
        app.config_fault("valkey.timeout_ms", format!("expected 1 to {TIMEOUT_MAX_MS}, found {}", config.timeout_ms));
    }
    let url = config.url?;
    match Valkey::new(url.secret(), config.prefix, Duration::from_millis(config.timeout_ms)) {
        Ok(valkey) => {
            serve(app);
            Some(valkey)
        }
        Err(why) => {
            app.config_fault("valkey.url", format!("expected an address such as redis://localhost:6379: {why}"));
            None
        }
    }
}

fn serve(app: &mut Registry) {
    app.service("valkey", Role::Always, |core| async move {
        tokio::select! {
            () = core.store.key_value().serve() => (),
            () = core.tasks.stopping() => (),
        }
        Ok(())
    });
    app.check_beside("valkey", |core| async move {
        if core.store.key_value().is_shared().await {
            Ok(())
        } else {
            Err("Valkey does not answer; each process has its own counts".into())
        }
    });
}
