//! Read-only mode: while the settings say so, nothing that a request could change is changed. What
//! goes on all the same is said by the room that has the route.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use kernel::{Failure, General};

use crate::answer::refuse;

/// How soon a caller should look again, in seconds: such times last minutes, not moments.
const RETRY_AFTER_S: u64 = 60;

/// The routes whose unsafe methods go on.
pub(crate) type GoingOn = Arc<BTreeSet<&'static str>>;

/// 503 for every unsafe method of a route that didn't say that it goes on.
pub(crate) async fn read_only(State(going_on): State<GoingOn>, request: Request, next: Next) -> Response {
    let goes_on = |path: &MatchedPath| going_on.contains(path.as_str());
    if request.method().is_safe() || request.extensions().get::<MatchedPath>().is_some_and(goes_on) {
        return next.run(request).await;
    }
    refuse(Failure::new(General::ReadOnly).retry_after(RETRY_AFTER_S))
}
