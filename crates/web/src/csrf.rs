//! Cross-site request forgery: every unsafe request that is believed because of a cookie must
//! carry a token that only our own pages know, and must come from an origin that is ours.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::Duration;
use hmac::{Hmac, KeyInit as _, Mac as _};
use host::Core;
use kernel::{Failure, General, Secret};
use sha2::Sha256;

use crate::caller::Caller;
use crate::cookies;
use crate::ctx::Ctx;
use crate::settings::Settings;

/// The header that carries the token of scripts.
pub const HEADER: &str = "x-csrf-token";
/// The cookie that forms before sign-in are bound to.
const PRE_SESSION: &str = "presession";
/// Label of the key behind those tokens.
const PRE_SESSION_LABEL: &str = "web.presession";
/// Longer than anybody leaves a sign-in form open, shorter than a day.
const PRE_SESSION_LIFETIME: Duration = Duration::hours(12);

/// The pre-session token: a keyed digest of a random cookie, so that a cookie planted from a
/// sibling domain is of no use without the key.
fn pre_session_token(core: &Core, cookie: &str) -> Secret {
    token_of(&core.store.cipher().derive(PRE_SESSION_LABEL), cookie)
}

/// The token that belongs to a cookie under this key.
pub fn token_of(key: &[u8; 32], cookie: &str) -> Secret {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(cookie.as_bytes());
    Secret::new(BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

impl Ctx {
    /// The token for this browser's forms; sets the pre-session cookie when nobody is signed in.
    pub fn csrf(&self) -> Secret {
        if let Some(token) = self.somebody().and_then(|caller| caller.csrf.clone()) {
            return token;
        }
        let cookie = cookies::read(self.core(), self.headers(), PRE_SESSION).unwrap_or_else(|| {
            let fresh = kernel::chance::token().expose().to_owned();
            self.set_cookie(cookies::set(self.core(), PRE_SESSION, &fresh, Some(PRE_SESSION_LIFETIME)));
            fresh
        });
        pre_session_token(self.core(), &cookie)
    }

    /// The tokens that a form of this browser may carry: one, or two while the master key is replaced
    /// and the form is older than that.
    fn expected_tokens(&self) -> Vec<Secret> {
        if let Some(caller) = self.somebody() {
            return caller.csrf_tokens().cloned().collect();
        }
        let Some(cookie) = cookies::read(self.core(), self.headers(), PRE_SESSION) else { return Vec::new() };
        let keys = self.core().store.cipher().derive_believed(PRE_SESSION_LABEL, self.core().clock.now_secure());
        keys.iter().map(|key| token_of(key, &cookie)).collect()
    }
}

/// Checks a page form: its origin and its token.
pub(crate) fn check_form(ctx: &Ctx, token: &str) -> Result<(), Failure> {
    if !is_ours(ctx.core(), ctx.headers()) {
        return Err(foreign());
    }
    check_token(ctx.expected_tokens().iter(), token)
}

/// Checks an unsafe request of a script that is believed because of its session cookie.
pub(crate) fn check_script(core: &Core, headers: &HeaderMap, caller: &Caller) -> Result<(), Failure> {
    // A script of another origin that the settings trust with the cookie shows the same token.
    if !is_ours(core, headers) && !core.parts.get::<Settings>().cors.trusts(single_origin(headers)) {
        return Err(foreign());
    }
    check_token(caller.csrf_tokens(), headers.get(HEADER).and_then(|token| token.to_str().ok()).unwrap_or_default())
}

fn check_token<'a>(mut expected: impl Iterator<Item = &'a Secret>, token: &str) -> Result<(), Failure> {
    let is_one = expected.any(|expected| !expected.is_empty() && expected.matches(token));
    if is_one { Ok(()) } else { Err(Failure::new(General::CsrfFailed)) }
}

/// Whether the origin is ours, and the browser doesn't say that another site sent it here. Browsers
/// send `Origin` with every unsafe request; what sends none is not a browser of this century and has
/// no business with a session cookie.
fn is_ours(core: &Core, headers: &HeaderMap) -> bool {
    let origin = single_origin(headers);
    let ours = origin == core.public_url.trim_end_matches('/');
    let is_cross_site = headers.get_all("sec-fetch-site").iter().any(|site| site.as_bytes().eq_ignore_ascii_case(b"cross-site"));
    !is_cross_site && (ours || (core.environment.is_dev() && same_loopback(origin, headers)))
}

fn foreign() -> Failure {
    Failure::new(General::CsrfFailed).with_message("This request comes from an origin that is not ours.")
}

/// The origin, if exactly one is named: with several nobody can say which of them is meant.
fn single_origin(headers: &HeaderMap) -> &str {
    let mut named = headers.get_all(header::ORIGIN).iter();
    let first = named.next().and_then(|origin| origin.to_str().ok());
    first.filter(|_| named.next().is_none()).unwrap_or_default()
}

/// In development the program is opened as `localhost` as often as by its number: an origin that
/// is the very loopback host being asked is ours.
fn same_loopback(origin: &str, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    matches!(name, "localhost" | "127.0.0.1" | "[::1]") && origin == format!("http://{host}")
}
