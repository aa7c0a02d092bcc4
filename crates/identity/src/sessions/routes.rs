//! The HTTP face for clients and scripts.

use host::{Core, Registry};
use kernel::{AccountId, Failed, Failure, General, OrgId, Secret, SessionId};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use web::{Answer, Ctx, EmptyAnswer, Json, NoContent, Path, RawBody, Routes as _, Via};

use super::renewal::{Renewing, switch};
use super::{RenewedView, SessionFault, SessionView, TokensView, actions, rotation, web_routes};
use crate::client::Client;
use crate::signin;

pub(super) fn register(app: &mut Registry) {
    app.public_routes(OpenApiRouter::<Core>::new().routes(routes!(refresh_session)));
    let own = OpenApiRouter::<Core>::new()
        .routes(routes!(logout))
        .routes(routes!(list_sessions))
        .routes(routes!(end_session))
        .routes(routes!(switch_organization));
    app.routes(own);
    app.goes_on_read_only(&["/v1/auth/refresh", "/v1/auth/logout"]);
}

/// A refresh token on its one use.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Refresh {
    refresh_token: Secret,
}

/// How far to sign out.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Logout {
    /// Every session of this person, not only this one.
    #[serde(default)]
    everywhere: bool,
}

impl Logout {
    /// The body may be missing: signing out needs no words.
    fn read(body: &[u8]) -> Result<Self, Failure> {
        if body.is_empty() {
            return Ok(Self::default());
        }
        // An object first: serde would read the struct from a list as well.
        let fields: Result<serde_json::Map<String, serde_json::Value>, _> = serde_json::from_slice(body);
        fields.and_then(|fields| Self::deserialize(serde_json::Value::from(fields))).map_err(|_| General::MalformedRequest.into())
    }
}

/// Where to go.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SwitchOrganization {
    org_id: OrgId,
}

/// The person who calls; a machine has no sessions.
pub(crate) fn person(ctx: &Ctx) -> Result<AccountId, Failure> {
    ctx.caller()?.account.ok_or_else(|| General::PermissionDenied.into())
}

/// Exchange a refresh token for new tokens
#[utoipa::path(post, path = "/auth/refresh", tag = "auth", operation_id = "refresh_session")]
async fn refresh_session(ctx: Ctx, Json(refresh): Json<Refresh>) -> Answer<TokensView, SessionFault> {
    let rotated = rotation::rotate(ctx.core(), &refresh.refresh_token, &Client::of(&ctx)).await?;
    Ok(ctx.answer(&TokensView::of(ctx.core(), &rotated.account, rotated.place.as_ref(), &rotated.begun)?)?)
}

/// Sign out, here or everywhere
#[utoipa::path(post, path = "/auth/logout", tag = "auth", operation_id = "logout", request_body = Option<Logout>)]
async fn logout(ctx: Ctx, RawBody(body): RawBody) -> EmptyAnswer<SessionFault> {
    let wish = Logout::read(&body)?;
    sign_out(&ctx, wish.everywhere).await?;
    Ok(NoContent)
}

/// Ends the caller's session, or all of them, and takes the cookie away.
pub(crate) async fn sign_out(ctx: &Ctx, everywhere: bool) -> Result<(), Failure> {
    let account = person(ctx)?;
    let (caller, client) = (ctx.caller()?, Client::of(ctx));
    match caller.session {
        Some(session) if !everywhere => actions::end_own(ctx.core(), account, session, &client).await.map_err(Failed::into_failure)?,
        _ => actions::end_everywhere(ctx.core(), account, caller.org, &client).await?,
    }
    if caller.via == Via::Cookie {
        web_routes::drop_cookie(ctx);
    }
    Ok(())
}

/// List the caller's sessions, the last used first
#[utoipa::path(get, path = "/auth/sessions", tag = "auth", operation_id = "list_sessions")]
async fn list_sessions(ctx: Ctx) -> Answer<Vec<SessionView>, SessionFault> {
    let current = ctx.caller()?.session;
    let sessions = actions::list(ctx.core(), person(&ctx)?, current).await?;
    Ok(ctx.answer(&sessions)?)
}

/// End one of the caller's sessions
#[utoipa::path(delete, path = "/auth/sessions/{id}", tag = "auth", operation_id = "end_session", params(("id" = SessionId, Path)))]
async fn end_session(ctx: Ctx, Path(id): Path<SessionId>) -> EmptyAnswer<SessionFault> {
    actions::end_own(ctx.core(), person(&ctx)?, id, &Client::of(&ctx)).await?;
    Ok(NoContent)
}

/// Go to another of the caller's organizations
#[utoipa::path(post, path = "/auth/switch", tag = "auth", operation_id = "switch_organization")]
async fn switch_organization(ctx: Ctx, Json(wish): Json<SwitchOrganization>) -> Answer<RenewedView, SessionFault> {
    let tokens = go_to(&ctx, wish.org_id).await?;
    Ok(ctx.answer(&RenewedView { tokens })?)
}

/// Takes the caller to another organization: tokens to a client, a cookie to a browser.
pub(crate) async fn go_to(ctx: &Ctx, to: OrgId) -> Result<Option<TokensView>, Failed<SessionFault>> {
    let (account, client) = (person(ctx)?, Client::of(ctx));
    let session = ctx.caller()?.session.ok_or(General::PermissionDenied).map_err(Failure::from)?;
    let (begun, place) = switch(ctx.core(), Renewing { account, session, client: &client }, to).await?;
    if begun.kind.is_browser() {
        web_routes::keep_cookie(ctx, &begun);
        return Ok(None);
    }
    let (account, _) = signin::person_at(ctx.core(), account, Some(to)).await?;
    Ok(Some(TokensView::of(ctx.core(), &account, Some(&place), &begun)?))
}
