//! The public half of the key, where every client of JSON Web Tokens looks for it.

use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use host::Registry;
use web::{Ctx, Routes as _};

use crate::Identity;

/// Clients may keep the set this long. A key changes with the master key: the new one stands in the set
/// from the first step of the exchange on, before anything is signed with it.
const CACHE: &str = "public, max-age=3600";

pub(crate) fn register(app: &mut Registry) {
    app.raw(Router::new().route("/.well-known/jwks.json", get(key_set)));
}

async fn key_set(ctx: Ctx) -> Response {
    let set = Identity::of(ctx.core()).signer(ctx.core()).key_set(ctx.core().clock.now_secure());
    ([(header::CONTENT_TYPE, "application/jwk-set+json"), (header::CACHE_CONTROL, CACHE)], set.to_string()).into_response()
}
