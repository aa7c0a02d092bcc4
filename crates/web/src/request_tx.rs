//! The transaction of one request: it ends with an answer, or it never happened.

use std::fmt;
use std::ops::{Deref, DerefMut};

use axum::http::HeaderValue;
use axum::response::Response;
use chrono::Duration;
use kernel::{Failure, General, Page};
use serde::Serialize;
use store::{Claim, Tx};

use crate::answer::{Done, NoContent, Once, json};
use crate::ctx::Ctx;

/// How long an answer is kept for a repetition with the same key.
const IDEMPOTENCY_HOURS: i64 = 24;

/// What the idempotency layer learned about a request.
#[derive(Debug)]
pub(crate) struct Idempotency {
    pub key: String,
    pub body_hash: String,
}

/// A tenant transaction that knows how to end as an HTTP answer.
pub struct RequestTx {
    ctx: Ctx,
    tx: Tx,
    claimed: bool,
}

impl RequestTx {
    pub(crate) fn new(ctx: Ctx, tx: Tx) -> Self {
        Self { ctx, tx, claimed: false }
    }

    /// Claims the idempotency key inside the business transaction: the answer and what it
    /// answers are stored together or not at all.
    pub(crate) async fn claimed(mut self, wanted: Option<&Idempotency>, route: &str) -> Result<Self, Failure> {
        let Some(wanted) = wanted else { return Ok(self) };
        // A key belongs to whoever chose it: another member or machine that chose the same means
        // something else by it, and must not read this one's answer.
        let key = format!("{} {}", self.ctx.who().actor, wanted.key);
        let expires_at = self.tx.now() + Duration::hours(IDEMPOTENCY_HOURS);
        match self.tx.idempotency_claim(route, &key, &wanted.body_hash, expires_at).await? {
            Claim::Fresh => self.claimed = true,
            Claim::Replay { status, body } => return Err(Failure::internal(Replay { status, body })),
            Claim::BodyDiffers => return Err(Failure::new(General::IdempotencyKeyReused)),
            Claim::StillRunning => return Err(Failure::new(General::IdempotencyKeyInUse).retry_after(1)),
        }
        Ok(self)
    }

    /// Commits and answers 200 with the view.
    pub async fn answer<T: Serialize>(self, view: T) -> Result<Done<T>, Failure> {
        let done = Done::new(&view, self.ctx.meta(None))?;
        self.finish(200, &done.body).await?;
        Ok(done)
    }

    /// Commits and answers 201 with the view.
    pub async fn created<T: Serialize>(self, view: T) -> Result<Done<T, 201>, Failure> {
        let done = Done::new(&view, self.ctx.meta(None))?;
        self.finish(201, &done.body).await?;
        Ok(done)
    }

    /// Commits and answers 201 when `first`, else 200.
    pub async fn once<T: Serialize>(self, first: bool, view: T) -> Result<Once<T>, Failure> {
        let once = Once::new(first, &view, self.ctx.meta(None))?;
        self.finish(once.status, &once.body).await?;
        Ok(once)
    }

    /// Commits and answers 200 with a page of views and where the next one begins.
    pub async fn page<T: Serialize>(self, page: Page<T>) -> Result<Done<Vec<T>>, Failure> {
        let done = Done::new(&page.items, self.ctx.meta(page.next.as_ref()))?;
        self.finish(200, &done.body).await?;
        Ok(done)
    }

    /// Commits and answers 204.
    pub async fn no_content(self) -> Result<NoContent, Failure> {
        self.finish(204, "").await?;
        Ok(NoContent)
    }

    /// Commits, for a page that writes its own answer.
    pub async fn commit(self) -> Result<(), Failure> {
        Ok(self.tx.commit().await?)
    }

    async fn finish(mut self, status: u16, body: &str) -> Result<(), Failure> {
        if self.claimed {
            self.tx.idempotency_finish(status, body).await?;
        }
        self.commit().await
    }
}

impl Deref for RequestTx {
    type Target = Tx;
    fn deref(&self) -> &Tx {
        &self.tx
    }
}

impl DerefMut for RequestTx {
    fn deref_mut(&mut self) -> &mut Tx {
        &mut self.tx
    }
}

/// A stored answer on its way out through `?`.
#[derive(Debug)]
struct Replay {
    status: u16,
    body: String,
}

impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the stored answer {}", self.status)
    }
}

impl std::error::Error for Replay {}

/// The stored answer, if that is what the failure carries; else the failure itself.
pub(crate) fn replayed(mut failure: Failure) -> Result<Response, Failure> {
    let Some(cause) = failure.cause.take() else { return Err(failure) };
    match cause.downcast::<Replay>() {
        Ok(replay) => {
            let mut response = match replay.status {
                204 => axum::response::IntoResponse::into_response(NoContent),
                status => json(status, replay.body),
            };
            response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
            Ok(response)
        }
        Err(cause) => Err(Failure { cause: Some(cause), ..failure }),
    }
}
