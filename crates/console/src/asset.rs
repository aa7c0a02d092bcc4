//! The files that every page needs: one stylesheet and one icon, compiled in.
//!
//! Each is served under a name that carries the hash of its content, so that a browser may keep it
//! for ever and still sees a new one at once.

use std::sync::LazyLock;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// The stylesheet, in the order in which its parts build on one another.
pub const STYLESHEET: &str = concat!(
    include_str!("../assets/tokens.css"),
    include_str!("../assets/base.css"),
    include_str!("../assets/layout.css"),
    include_str!("../assets/parts.css"),
    include_str!("../assets/forms.css"),
    include_str!("../assets/table.css"),
    include_str!("../assets/chart.css"),
);
const ICON: &str = include_str!("../assets/icon.svg");

/// A name never comes back with another content, so a year is as good as for ever (RFC 8246).
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// For a file whose name can't change.
const FOR_A_DAY: &str = "public, max-age=86400";
/// Letters of the hash in a name: 48 bits tell one edition from another.
const HASH_LEN: usize = 12;

/// The address of the stylesheet.
pub fn stylesheet_path() -> &'static str {
    static PATH: LazyLock<String> = LazyLock::new(|| named("app", STYLESHEET, "css"));
    &PATH
}

/// The address of the icon.
pub fn icon_path() -> &'static str {
    static PATH: LazyLock<String> = LazyLock::new(|| named("icon", ICON, "svg"));
    &PATH
}

fn named(name: &str, content: &str, ending: &str) -> String {
    format!("/assets/{name}.{}.{ending}", &kernel::chance::digest(content)[..HASH_LEN])
}

/// Where the files are served. Browsers ask for `/favicon.ico` on pages that are not ours.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route(stylesheet_path(), get(async || file("text/css; charset=utf-8", FOR_EVER, STYLESHEET)))
        .route(icon_path(), get(async || file("image/svg+xml; charset=utf-8", FOR_EVER, ICON)))
        .route("/assets/{edition}", get(other_edition))
        .route("/favicon.ico", get(async || file("image/svg+xml; charset=utf-8", FOR_A_DAY, ICON)))
}

/// While a deploy is under way, a page of the one version may ask the other for its sheet: better
/// this edition than none, and not kept.
async fn other_edition(uri: Uri) -> Response {
    let mut parts = uri.path().trim_start_matches("/assets/").split('.');
    if parts.next() == Some("app") && parts.next_back() == Some("css") {
        return file("text/css; charset=utf-8", "no-cache", STYLESHEET).into_response();
    }
    StatusCode::NOT_FOUND.into_response()
}

fn file(kind: &'static str, keep: &'static str, content: &'static str) -> impl IntoResponse + use<> {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, keep)], content)
}
