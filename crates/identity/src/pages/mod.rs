//! The pages around signing in, and the page of one's own account. They work without script; each
//! form carries its token, also before anybody is signed in.

mod account;
mod confirm;
mod fields;
mod invited;
mod mailed;
mod return_to;
mod signin;
mod signup;

use axum::Router;
use axum::routing::get;
use host::{Core, Registry};
use web::{Ctx, PageFault, Routes as _, See, cookies};

use crate::client::DEVICE_COOKIE;
use crate::sessions;
use crate::signin::SignedIn;

/// Where somebody lands who asked for nothing in particular.
pub(super) const HOME: &str = "/dashboard";
/// How long a browser is recognized: as long as its row is kept.
const DEVICE_LIFETIME: chrono::Duration = chrono::Duration::days(365);

pub(crate) fn register(app: &mut Registry) {
    app.public_pages(Router::<Core>::new().route("/", get(front_door)));
    signin::register(app);
    signup::register(app);
    mailed::register(app);
    invited::register(app);
    confirm::register(app);
    account::register(app);
}

async fn front_door(ctx: Ctx) -> Result<See, PageFault> {
    Ok(See::other(if ctx.somebody().is_some() { HOME } else { "/signin" }))
}

/// Hands the browser the cookies of somebody who is in, and says where to go on.
fn enter(ctx: &Ctx, signed_in: &SignedIn, return_to: Option<&str>) -> See {
    sessions::keep_cookie(ctx, &signed_in.begun);
    if let Some(device) = &signed_in.device {
        ctx.set_cookie(cookies::set(ctx.core(), DEVICE_COOKIE, device.expose(), Some(DEVICE_LIFETIME)));
    }
    See::other(return_to::safe(return_to).unwrap_or(HOME))
}
