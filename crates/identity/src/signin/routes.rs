//! The HTTP face for clients.

use host::{Core, Registry};
use utoipa_axum::{router::OpenApiRouter, routes};
use web::{Answer, Ctx, Json, Routes as _};

use super::{Credentials, SignInFault, actions};
use crate::client::Client;
use crate::sessions::{Kind, TokensView};

pub(super) fn register(app: &mut Registry) {
    app.public_routes(OpenApiRouter::<Core>::new().routes(routes!(login)));
    app.goes_on_read_only(&["/v1/auth/login"]);
}

/// Sign in with address and password
#[utoipa::path(post, path = "/auth/login", tag = "auth", operation_id = "login")]
async fn login(ctx: Ctx, Json(shown): Json<Credentials>) -> Answer<TokensView, SignInFault> {
    let signed_in = actions::sign_in(ctx.core(), shown, Kind::Api, &Client::of(&ctx)).await?;
    Ok(ctx.answer(&signed_in.tokens(ctx.core())?)?)
}
