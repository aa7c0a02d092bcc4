//! What runs here: `GET /version`, for people who compare what they see with what was released.

use axum::Router;
use axum::routing::get;
use host::Core;
use serde::Serialize;

use crate::answer::{Answer, NoFault};
use crate::ctx::Ctx;

/// The version of this program.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What runs here.
#[derive(Debug, Serialize)]
struct VersionView {
    version: &'static str,
    /// The commit that it was built from; missing in a build that was not told.
    commit: Option<&'static str>,
    environment: &'static str,
}

pub(crate) fn routes() -> Router<Core> {
    Router::new().route("/version", get(version))
}

async fn version(ctx: Ctx) -> Answer<VersionView, NoFault> {
    // Whoever builds a release says the commit; a build on somebody's machine has none to speak of.
    let commit = option_env!("AUTORISEN_COMMIT").filter(|commit| !commit.is_empty());
    Ok(ctx.answer(&VersionView { version: VERSION, commit, environment: ctx.core().environment.name() })?)
}
