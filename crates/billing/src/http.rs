//! The HTTP client of this room: one pool, with limits on everything.

use std::sync::OnceLock;
use std::time::Duration;

/// A charge at a slow bank takes up to this long; a shorter limit would make results unknown that are not.
const TIMEOUT: Duration = Duration::from_secs(30);
const TIMEOUT_CONNECT: Duration = Duration::from_secs(5);

/// The pool, made on first use. `Err` in words when the machine cannot do TLS.
pub(crate) fn client() -> Result<&'static reqwest::Client, String> {
    static CLIENT: OnceLock<Result<reqwest::Client, String>> = OnceLock::new();
    CLIENT.get_or_init(build).as_ref().map_err(Clone::clone)
}

fn build() -> Result<reqwest::Client, String> {
    // Whoever is first in the process chooses the TLS provider; a second choice changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .timeout(TIMEOUT)
        .connect_timeout(TIMEOUT_CONNECT)
        // A provider's API never moves; a redirect would carry the key elsewhere.
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|wrong| wrong.to_string())
}
