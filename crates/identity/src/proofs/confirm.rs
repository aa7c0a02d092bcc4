//! Showing one's password once more, before something that outlives the session (ASVS 7.5.3).

use kernel::{Failed, Failure, General, Secret};
use web::Ctx;

use super::PasswordFault;
use super::change::confirm;
use crate::client::Client;
use crate::sessions::{self, Renewing, TokensView, person};
use crate::signin;

/// Begins a session that takes the place of the caller's and knows of the fresh proof: tokens to a
/// client, a cookie to a browser.
///
/// 403 `current_password_wrong`, 429 after too many tries.
pub(crate) async fn confirm_password(ctx: &Ctx, password: &Secret) -> Result<Option<TokensView>, Failed<PasswordFault>> {
    let (core, client, account) = (ctx.core(), Client::of(ctx), person(ctx)?);
    let caller = ctx.caller()?;
    let session = caller.session.ok_or(General::PermissionDenied).map_err(Failure::from)?;
    let (found, place) = signin::person_at(core, account, caller.org).await?;
    confirm(core, &found, "password", password, &client).await?;
    let begun = sessions::step_up(core, Renewing { account, session, client: &client }).await?;
    if begun.kind.is_browser() {
        sessions::keep_cookie(ctx, &begun);
        return Ok(None);
    }
    Ok(Some(TokensView::of(core, &found, place.as_ref(), &begun)?))
}
