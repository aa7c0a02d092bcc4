//! Answers: one envelope for all, and documentation that is read off a handler's return type.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kernel::{At, Failed, Failure, FaultCode, Fields, RequestId};
use serde::Serialize;
use store::StoreError;
use utoipa::ToSchema;

/// What a handler returns: the view with 200, or a documented refusal.
pub type Answer<T, F> = Result<Done<T>, Refusal<F>>;
/// As [`Answer`], with 201.
pub type CreatedAnswer<T, F> = Result<Done<T, 201>, Refusal<F>>;
/// As [`Answer`], with 201 the first time and 200 for a repetition of the same thing.
pub type OnceAnswer<T, F> = Result<Once<T>, Refusal<F>>;
/// 201 with the thing, or 202 when it comes by and by.
pub type SoonAnswer<T, L, F> = Result<Soon<T, L>, Refusal<F>>;
/// 204 or a refusal.
pub type EmptyAnswer<F> = Result<NoContent, Refusal<F>>;

/// The envelope of every answer under `/v1`. The status always agrees with `success`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Envelope<T> {
    pub success: bool,
    /// Written out in place: a list has no name of its own that could be referred to.
    #[schema(inline)]
    pub data: Option<T>,
    pub error: Option<ErrorBody>,
    pub meta: Meta,
}

/// What went wrong.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ErrorBody {
    /// A code of docs/ERRORS.md; it never changes its meaning.
    #[schema(example = "customer_not_found")]
    pub code: String,
    /// For people; programs read the code.
    pub message: String,
    /// What is wrong with each field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<Fields>,
}

/// About the answer itself.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Meta {
    #[serde(serialize_with = "kernel::instant::write")]
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: At,
    /// Quote this when you ask us about a request.
    pub request_id: RequestId,
    /// Where the next page of a list begins; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// The envelope of a refusal.
#[derive(Debug, Serialize, ToSchema)]
pub struct Refused {
    pub success: bool,
    #[schema(value_type = Option<Object>)]
    pub data: Option<()>,
    pub error: ErrorBody,
    pub meta: Meta,
}

/// A finished answer: its JSON is made while the transaction is still open, so that what is stored
/// for a repetition is what was sent.
#[derive(Debug)]
pub struct Done<T, const STATUS: u16 = 200> {
    pub(crate) body: String,
    view: std::marker::PhantomData<fn() -> T>,
}

/// 201 the first time, 200 for a repetition.
#[derive(Debug)]
pub struct Once<T> {
    pub(crate) status: u16,
    pub(crate) body: String,
    view: std::marker::PhantomData<fn() -> T>,
}

/// 201 for what is there now, 202 for what will be: which of them, the settings decide.
#[derive(Debug)]
pub enum Soon<T, L> {
    Now(Done<T, 201>),
    Later(Done<L, 202>),
}

/// 204 without a body.
#[derive(Debug, Clone, Copy)]
pub struct NoContent;

impl<T: Serialize, const STATUS: u16> Done<T, STATUS> {
    pub(crate) fn new(view: &T, meta: Meta) -> Result<Self, Failure> {
        Ok(Self { body: envelope(view, meta)?, view: std::marker::PhantomData })
    }
}

impl<T: Serialize> Once<T> {
    pub(crate) fn new(first: bool, view: &T, meta: Meta) -> Result<Self, Failure> {
        let status = if first { 201 } else { 200 };
        Ok(Self { status, body: envelope(view, meta)?, view: std::marker::PhantomData })
    }
}

fn envelope<T: Serialize>(view: &T, meta: Meta) -> Result<String, Failure> {
    let full = Envelope { success: true, data: Some(view), error: None, meta };
    serde_json::to_string(&full).map_err(Failure::internal)
}

pub(crate) fn json(status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    response
}

impl<T, const STATUS: u16> IntoResponse for Done<T, STATUS> {
    fn into_response(self) -> Response {
        json(STATUS, self.body)
    }
}

impl<T> IntoResponse for Once<T> {
    fn into_response(self) -> Response {
        json(self.status, self.body)
    }
}

impl<T, L> IntoResponse for Soon<T, L> {
    fn into_response(self) -> Response {
        match self {
            Self::Now(done) => done.into_response(),
            Self::Later(done) => done.into_response(),
        }
    }
}

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

/// A failure on its way out. The type tells which faults a route documents; the body is written
/// by the outermost layer, which knows the request id and which form the caller accepts.
pub struct Refusal<F> {
    failure: Failure,
    faults: std::marker::PhantomData<fn() -> F>,
}

impl<F> Refusal<F> {
    pub fn failure(&self) -> &Failure {
        &self.failure
    }
}

impl<F> From<Failure> for Refusal<F> {
    fn from(failure: Failure) -> Self {
        Self { failure, faults: std::marker::PhantomData }
    }
}

impl<F> From<Failed<F>> for Refusal<F> {
    fn from(failed: Failed<F>) -> Self {
        failed.into_failure().into()
    }
}

impl<F> From<StoreError> for Refusal<F> {
    fn from(error: StoreError) -> Self {
        Failure::from(error).into()
    }
}

impl<F> std::fmt::Debug for Refusal<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.failure.fmt(f)
    }
}

/// Carries a failure from a handler to the layer that writes it down.
#[derive(Clone)]
pub(crate) struct Refusing(pub std::sync::Arc<Failure>);

impl<F> IntoResponse for Refusal<F> {
    fn into_response(self) -> Response {
        refuse(self.failure)
    }
}

/// A response that carries the failure; the body comes from the outermost layer.
pub(crate) fn refuse(failure: Failure) -> Response {
    // A stored answer travels as a failure so that `?` can end a handler early.
    let failure = match crate::request_tx::replayed(failure) {
        Ok(replay) => return replay,
        Err(failure) => failure,
    };
    let mut response = StatusCode::from_u16(failure.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response();
    response.extensions_mut().insert(Refusing(std::sync::Arc::new(failure)));
    response
}

/// The faults of a route that has none of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoFault {}

impl FaultCode for NoFault {
    fn all() -> &'static [Self] {
        &[]
    }
    fn code(self) -> &'static str {
        match self {}
    }
    fn status(self) -> u16 {
        match self {}
    }
    fn message(self) -> &'static str {
        match self {}
    }
}
