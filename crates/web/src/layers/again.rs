//! Once more: a request whose transaction the database ended in favour of a competing one is run again
//! from its beginning, a few times, before the caller hears of it.
//!
//! That is sound only while nothing of the request was committed. It then equals a process that died
//! there and a caller who asked again, which every handler has to bear anyway; after a first commit
//! the caller decides.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use host::Core;
use store::StoreError;

use crate::answer::{Refusing, refuse};
use crate::caller::Known;
use crate::ctx::About;
use crate::extract::body;

/// Two who lock in opposite order meet once; who still meets somebody the third time is in a crowd,
/// and the caller's own patience is the better queue.
const ROUNDS_MAX: u32 = 3;
/// The pause before another round is up to this long, times the round: two victims of one deadlock
/// should not meet again.
const PAUSE_MS: u64 = 40;

pub(crate) async fn again(State(core): State<Core>, request: Request, next: Next) -> Response {
    // Reading does not deadlock, and nobody's body is not worth the memory.
    let is_known = request.extensions().get::<Known>().is_some_and(|known| known.somebody().is_some());
    if request.method().is_safe() || !is_known {
        return next.run(request).await;
    }
    let (parts, unread) = request.into_parts();
    let bytes = match body(Request::from_parts(parts.clone(), unread), &core).await {
        Ok(bytes) => bytes,
        Err(failure) => return refuse(failure),
    };
    let about = parts.extensions.get::<Arc<About>>().cloned();
    let mut round = 1;
    loop {
        let request = Request::from_parts(parts.clone(), Body::from(bytes.clone()));
        let (response, is_kept) = store::watched(next.clone().run(request)).await;
        if is_kept || round == ROUNDS_MAX || !is_contended(&response) {
            return response;
        }
        tracing::info!(
            event = "http.again",
            request_id = about.as_ref().map(|about| tracing::field::display(about.id)),
            round,
            "run once more after a deadlock"
        );
        if let Some(about) = &about {
            // What the undone round wanted to set.
            about.cookies.lock().expect("no holder of this lock panics").clear();
        }
        tokio::time::sleep(pause(round)).await;
        round += 1;
    }
}

fn is_contended(response: &Response) -> bool {
    let failure = response.extensions().get::<Refusing>().map(|Refusing(failure)| failure);
    let cause = failure.and_then(|failure| failure.cause.as_deref()).and_then(|cause| cause.downcast_ref::<StoreError>());
    matches!(cause, Some(StoreError::Contended(_)))
}

fn pause(round: u32) -> Duration {
    Duration::from_millis(kernel::chance::below(PAUSE_MS * u64::from(round)))
}
