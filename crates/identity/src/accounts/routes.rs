//! The HTTP face.

use host::{Core, Registry};
use utoipa_axum::{router::OpenApiRouter, routes};
use web::{Answer, CreatedAnswer, Ctx, Json, Routes as _};

use super::account::{ChangeMe, MeView, Register};
use super::{AccountFault, profile};
use crate::client::Client;
use crate::sessions::{Kind, TokensView, person};

pub(super) fn register(app: &mut Registry) {
    app.public_routes(OpenApiRouter::<Core>::new().routes(routes!(register_account)));
    app.routes(OpenApiRouter::<Core>::new().routes(routes!(get_me, change_me)));
}

/// Register an account and found its organization
#[utoipa::path(post, path = "/auth/register", tag = "auth", operation_id = "register")]
async fn register_account(ctx: Ctx, Json(new): Json<Register>) -> CreatedAnswer<TokensView, AccountFault> {
    let signed_in = super::register_account(ctx.core(), new, Kind::Api, &Client::of(&ctx)).await?;
    Ok(ctx.created(&signed_in.tokens(ctx.core())?)?)
}

/// Show who calls, and what they may do
#[utoipa::path(get, path = "/auth/me", tag = "auth", operation_id = "get_me")]
async fn get_me(ctx: Ctx) -> Answer<MeView, AccountFault> {
    Ok(ctx.answer(profile::me(&ctx).await?.as_ref())?)
}

/// Change the caller's name
#[utoipa::path(patch, path = "/auth/me", tag = "auth", operation_id = "change_me")]
async fn change_me(ctx: Ctx, Json(change): Json<ChangeMe>) -> Answer<MeView, AccountFault> {
    if let Some(full_name) = change.full_name {
        profile::change_name(ctx.core(), person(&ctx)?, &full_name, &Client::of(&ctx)).await?;
    }
    Ok(ctx.answer(profile::me(&ctx).await?.as_ref())?)
}
