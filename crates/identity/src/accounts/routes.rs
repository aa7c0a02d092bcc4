//! The HTTP face.

use host::{Core, Registry};
use tenancy::invitations::AcceptedView;
use utoipa_axum::{router::OpenApiRouter, routes};
use web::{Answer, CreatedAnswer, Ctx, Json, Routes as _, Soon, SoonAnswer};

use super::account::{ChangeMe, MeView, Register};
use super::join::{self, Join, JoinFault};
use super::{AccountFault, Registered, profile};
use crate::client::Client;
use crate::proofs::AcceptedRequestView;
use crate::sessions::{Kind, TokensView, person};

pub(super) fn register(app: &mut Registry) {
    app.public_routes(OpenApiRouter::<Core>::new().routes(routes!(register_account)).routes(routes!(register_invited)));
    app.routes(OpenApiRouter::<Core>::new().routes(routes!(get_me, change_me)));
}

/// Register an account and found its organization
///
/// 201 with tokens in the mode `immediate`; in the mode `mail_first` 202 with the same answer for every
/// address, and the link in the mail finishes it.
#[utoipa::path(post, path = "/auth/register", tag = "auth", operation_id = "register")]
async fn register_account(ctx: Ctx, Json(new): Json<Register>) -> SoonAnswer<TokensView, AcceptedRequestView, AccountFault> {
    match super::register_account(ctx.core(), new, Kind::Api, &Client::of(&ctx)).await? {
        Registered::SignedIn(signed_in) => Ok(Soon::Now(ctx.created(&signed_in.tokens(ctx.core())?)?)),
        Registered::ByMail => Ok(Soon::Later(ctx.accepted(&AcceptedRequestView { accepted: true })?)),
    }
}

/// Make an account with an invitation, and accept it
///
/// For somebody who has no account yet; the token comes from the mail, and so the address is verified.
/// Signs nobody in.
#[utoipa::path(post, path = "/auth/register/invited", tag = "auth", operation_id = "register_invited")]
async fn register_invited(ctx: Ctx, Json(new): Json<Join>) -> CreatedAnswer<AcceptedView, JoinFault> {
    Ok(ctx.created(&join::join(ctx.core(), new, &Client::of(&ctx)).await?)?)
}

/// Show who calls, and what they may do
#[utoipa::path(get, path = "/auth/me", tag = "auth", operation_id = "get_me")]
async fn get_me(ctx: Ctx) -> Answer<MeView, AccountFault> {
    Ok(ctx.answer(&profile::me(&ctx).await?)?)
}

/// Change the caller's name
#[utoipa::path(patch, path = "/auth/me", tag = "auth", operation_id = "change_me")]
async fn change_me(ctx: Ctx, Json(change): Json<ChangeMe>) -> Answer<MeView, AccountFault> {
    if let Some(full_name) = change.full_name {
        profile::change_name(ctx.core(), person(&ctx)?, &full_name, &Client::of(&ctx)).await?;
    }
    Ok(ctx.answer(&profile::me(&ctx).await?)?)
}
