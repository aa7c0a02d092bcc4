//! Cookies: `__Host-`, `HttpOnly`, `Secure`, `SameSite=Lax` wherever the public address is https;
//! on plain http (loopback in development) neither prefix nor `Secure`, which a browser would
//! refuse there.

use axum::http::{HeaderMap, header};
use chrono::Duration;
use host::Core;

/// The name that a cookie carries under this public address.
pub fn name(core: &Core, base: &str) -> String {
    if secure(core) { format!("__Host-autorisen_{base}") } else { format!("autorisen_{base}") }
}

/// The value of the cookie, if it was sent exactly once: of two with the same name a browser
/// doesn't say which is ours.
pub fn read(core: &Core, headers: &HeaderMap, base: &str) -> Option<String> {
    let name = name(core, base);
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned());
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// A `Set-Cookie` line. `lifetime` of `None` ends with the browser.
pub fn set(core: &Core, base: &str, value: &str, lifetime: Option<Duration>) -> String {
    let mut line = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax", name(core, base));
    if secure(core) {
        line.push_str("; Secure");
    }
    if let Some(lifetime) = lifetime {
        line.push_str(&format!("; Max-Age={}", lifetime.num_seconds().max(0)));
    }
    line
}

/// A `Set-Cookie` line that removes the cookie.
pub fn clear(core: &Core, base: &str) -> String {
    set(core, base, "", Some(Duration::zero()))
}

fn secure(core: &Core) -> bool {
    core.public_url.starts_with("https://")
}
