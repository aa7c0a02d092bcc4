//! The browser's side: the session cookie, and what a script of our own pages may ask about it.
//! No token ever reaches the browser.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use console::Button;
use host::Registry;
use serde::Serialize;
use web::{Answer, Ctx, EmptyAnswer, Form, NoContent, PageFault, Routes as _, See, cookies};

use super::SessionFault;
use super::actions::Begun;
use super::life::Kind;
use super::routes::sign_out;
use crate::Identity;
use crate::accounts::{self, MeView};
use crate::authentication::cookie_digest;

/// The cookie that is the session.
pub(crate) const COOKIE: &str = "session";

pub(super) fn register(app: &mut Registry) {
    app.raw(Router::new().route("/auth/web/me", get(web_me)).route("/auth/web/logout", post(web_logout)));
    app.pages(Router::new().route("/signout", post(sign_out_form)));
    app.goes_on_read_only(&["/auth/web/logout", "/signout"]);
}

/// Who is signed in in this browser, and the token that its unsafe requests must carry.
#[derive(Debug, Serialize)]
struct WebMeView {
    #[serde(flatten)]
    me: Arc<MeView>,
    csrf_token: String,
}

async fn web_me(ctx: Ctx) -> Answer<WebMeView, SessionFault> {
    let me = accounts::me(&ctx).await?;
    Ok(ctx.answer(&WebMeView { me, csrf_token: ctx.csrf().expose().to_owned() })?)
}

async fn web_logout(ctx: Ctx) -> EmptyAnswer<SessionFault> {
    sign_out(&ctx, false).await?;
    Ok(NoContent)
}

/// The button in the console's frame.
async fn sign_out_form(ctx: Ctx, Form(Button {}): Form<Button>) -> Result<See, PageFault> {
    sign_out(&ctx, false).await?;
    Ok(See::other("/signin"))
}

/// Hands the browser the cookie of a session that began. One that is not to be remembered ends with
/// the browser, whatever its row would allow.
pub(crate) fn keep_cookie(ctx: &Ctx, begun: &Begun) {
    let lifetime = (begun.kind == Kind::Remembered).then(|| begun.life.expires_at - ctx.now());
    ctx.set_cookie(cookies::set(ctx.core(), COOKIE, begun.secret.expose(), lifetime));
    // Whoever comes back with it is no stranger.
    Identity::of(ctx.core()).proven.note(cookie_digest(begun.secret.expose()));
}

pub(super) fn drop_cookie(ctx: &Ctx) {
    ctx.set_cookie(cookies::clear(ctx.core(), COOKIE));
}
