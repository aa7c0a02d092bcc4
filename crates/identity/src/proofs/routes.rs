//! The HTTP face.

use host::{Core, Registry};
use kernel::{At, MailAddress, Secret};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use web::{Answer, Ctx, Json, Routes as _};

use super::change::{Changing, change_password};
use super::confirm::confirm_password;
use super::requests::{Wanted, request};
use super::{PasswordFault, Proof, ProofFault, reset, verification};
use crate::client::Client;
use crate::sessions::{self, RenewedView, TokensView, person};
use crate::signin;

pub(super) fn register(app: &mut Registry) {
    let public = OpenApiRouter::<Core>::new()
        .routes(routes!(verify_email))
        .routes(routes!(resend_verification))
        .routes(routes!(forgot_password))
        .routes(routes!(reset_password));
    app.public_routes(public);
    app.routes(OpenApiRouter::<Core>::new().routes(routes!(change_own_password)).routes(routes!(confirm_own_password)));
}

/// The token of a verification mail, and the password of an account that begins with it.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct VerifyEmail {
    token: Secret,
    /// Required where registering waits for its mail, and only there: at least 12 characters unless configured
    /// otherwise.
    password: Option<Secret>,
}

/// An address, whether anybody's or not.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WhoseMail {
    email: MailAddress,
}

/// The token of a reset mail, and the password that is wanted.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ResetPassword {
    token: Secret,
    password: Secret,
}

/// The password that is, and the one that shall be.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangePassword {
    current_password: Secret,
    new_password: Secret,
}

/// The password of whoever calls.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ConfirmPassword {
    password: Secret,
}

/// When the address was verified.
#[derive(Debug, Serialize, ToSchema)]
struct VerifiedView {
    #[schema(value_type = String, format = DateTime)]
    email_verified_at: At,
}

/// The request was taken down. The same for every address.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AcceptedRequestView {
    pub accepted: bool,
}

/// The new password holds; every session has ended.
#[derive(Debug, Serialize, ToSchema)]
struct PasswordSetView {
    sessions_ended: bool,
}

/// Verify an address with the token from the mail
///
/// Where registering waits for its mail, this makes the account, with the password given here, and its
/// organization; a password that is refused does not spend the token. Signs nobody in.
#[utoipa::path(post, path = "/auth/verify-email", tag = "auth", operation_id = "verify_email")]
async fn verify_email(ctx: Ctx, Json(proof): Json<VerifyEmail>) -> Answer<VerifiedView, ProofFault> {
    let shown = Proof { token: &proof.token, password: proof.password.as_ref() };
    let verified = verification::verify_email(ctx.core(), shown, &Client::of(&ctx)).await?;
    Ok(ctx.answer(&VerifiedView { email_verified_at: verified.at })?)
}

/// Ask for another verification mail
#[utoipa::path(post, path = "/auth/verify-email/resend", tag = "auth", operation_id = "resend_verification")]
async fn resend_verification(ctx: Ctx, Json(whose): Json<WhoseMail>) -> Answer<AcceptedRequestView, ProofFault> {
    request(ctx.core(), Wanted::Verification, &whose.email, &Client::of(&ctx)).await?;
    Ok(ctx.answer(&AcceptedRequestView { accepted: true })?)
}

/// Ask for a mail that resets the password
#[utoipa::path(post, path = "/auth/password/forgot", tag = "auth", operation_id = "forgot_password")]
async fn forgot_password(ctx: Ctx, Json(whose): Json<WhoseMail>) -> Answer<AcceptedRequestView, ProofFault> {
    request(ctx.core(), Wanted::Reset, &whose.email, &Client::of(&ctx)).await?;
    Ok(ctx.answer(&AcceptedRequestView { accepted: true })?)
}

/// Choose a new password with the token from the mail
#[utoipa::path(post, path = "/auth/password/reset", tag = "auth", operation_id = "reset_password")]
async fn reset_password(ctx: Ctx, Json(wish): Json<ResetPassword>) -> Answer<PasswordSetView, ProofFault> {
    reset::reset_password(ctx.core(), &wish.token, &wish.password, &Client::of(&ctx)).await?;
    Ok(ctx.answer(&PasswordSetView { sessions_ended: true })?)
}

/// Change the caller's password
#[utoipa::path(post, path = "/auth/password/change", tag = "auth", operation_id = "change_password")]
async fn change_own_password(ctx: Ctx, Json(wish): Json<ChangePassword>) -> Answer<RenewedView, PasswordFault> {
    let tokens = change(&ctx, &wish.current_password, &wish.new_password).await?;
    Ok(ctx.answer(&RenewedView { tokens })?)
}

/// Show the caller's password once more
///
/// A browser needs a proof of the last minutes before it mints an API key. The session is renewed by it.
#[utoipa::path(post, path = "/auth/confirm", tag = "auth", operation_id = "confirm_password")]
async fn confirm_own_password(ctx: Ctx, Json(shown): Json<ConfirmPassword>) -> Answer<RenewedView, PasswordFault> {
    let tokens = confirm_password(&ctx, &shown.password).await?;
    Ok(ctx.answer(&RenewedView { tokens })?)
}

/// Changes the password of whoever calls, and hands on the session that replaces theirs: tokens to
/// a client, a cookie to a browser.
pub(crate) async fn change(ctx: &Ctx, current: &Secret, new: &Secret) -> Result<Option<TokensView>, kernel::Failed<PasswordFault>> {
    let (core, caller, client) = (ctx.core(), ctx.caller()?, Client::of(ctx));
    let account = person(ctx)?;
    let kind = sessions::kind_of(core, caller.session).await?;
    let changing = Changing { account, org: caller.org, kind, client: &client };
    let (_, begun) = change_password(core, changing, current, new).await?;
    if kind.is_browser() {
        sessions::keep_cookie(ctx, &begun);
        return Ok(None);
    }
    let (account, place) = signin::person_at(core, account, caller.org).await?;
    Ok(Some(TokensView::of(core, &account, place.as_ref(), &begun)?))
}
