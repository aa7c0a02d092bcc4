//! Bodies of requests: how fast they must come, and reading them to their end.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body::Frame;
use http_body_util::{BodyExt as _, LengthLimitError};
use hyper::body::Incoming;
use kernel::{Failure, General};

use crate::wire::Stall;

/// Whether somebody waits for the body of a request right now: then it is the sender who takes long.
#[derive(Debug, Clone, Default)]
pub(crate) struct Awaited(Arc<AtomicBool>);

impl Awaited {
    pub(crate) fn now(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The sender fell below the floor.
#[derive(Debug, thiserror::Error)]
#[error("the body came too slowly")]
struct TooSlow;

/// A body that has to come at a pace.
pub(crate) struct Paced {
    body: Incoming,
    stall: Stall,
    awaited: Awaited,
}

impl Paced {
    /// The sender may be silent for `grace`, and longer by what has come.
    pub(crate) fn new(body: Incoming, grace: Duration) -> (Self, Awaited) {
        let awaited = Awaited::default();
        (Self { body, stall: Stall::new(grace), awaited: awaited.clone() }, awaited)
    }
}

impl http_body::Body for Paced {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        this.awaited.0.store(polled.is_pending(), Ordering::Relaxed);
        match polled {
            Poll::Ready(Some(Ok(frame))) => {
                this.stall.moved(frame.data_ref().map_or(0, Bytes::len));
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => this.stall.poll(cx).map(|()| Some(Err(TooSlow.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

/// Reads a body to its end, within the limit that it was given (`with_limited_body`).
pub(crate) async fn read(body: Body) -> Result<Bytes, Failure> {
    body.collect().await.map(http_body_util::Collected::to_bytes).map_err(|error| refused(&error))
}

/// What is wrong with a body that has no end: hyper, the limit and the pace each have an error of
/// their own somewhere in the chain.
fn refused(error: &(dyn Error + 'static)) -> Failure {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<LengthLimitError>() {
            return General::PayloadTooLarge.into();
        }
        if error.is::<TooSlow>() {
            return General::RequestTimeout.into();
        }
        next = error.source();
    }
    Failure::new(General::MalformedRequest).with_message("The body ended before it was complete.")
}
