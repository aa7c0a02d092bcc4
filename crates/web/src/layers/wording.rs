//! The words of a refusal: the envelope, RFC 9457 for callers who accept it, or a page.

use std::collections::BTreeMap;

use askama::Template;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use host::Core;
use kernel::{Failure, General, RequestId};
use serde::Serialize;

use crate::answer::{ErrorBody, Meta, Refused, Refusing};
use crate::ctx::Ctx;
use crate::page::Html;

/// Which form of a refusal the caller accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Envelope,
    Problem,
}

impl Form {
    pub(crate) fn accepted_by(headers: &HeaderMap) -> Self {
        let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        if accept.contains("application/problem+json") { Self::Problem } else { Self::Envelope }
    }
}

/// RFC 9457, from the same table of faults.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    code: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    fields: &'a BTreeMap<String, String>,
    instance: RequestId,
}

/// Logs the cause of a failure once, here, where it leaves the program; it is never sent.
pub(crate) fn log_cause(response: &Response, request_id: RequestId) {
    let Some(Refusing(failure)) = response.extensions().get::<Refusing>() else { return };
    if is_ours(failure) {
        let cause = failure.cause.as_deref().map(causes).unwrap_or_default();
        tracing::error!(event = "http.failure", %request_id, code = failure.code, cause, "a request failed");
    }
}

/// Whether something of ours failed; what the settings ask for is no failure.
fn is_ours(failure: &Failure) -> bool {
    failure.status >= 500 && !failure.is(General::ReadOnly)
}

fn causes(error: &(dyn std::error::Error + Send + Sync + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// Writes the body of a refusal; other answers pass unchanged.
pub(crate) fn in_words(core: &Core, request_id: RequestId, form: Form, mut response: Response) -> Response {
    let Some(Refusing(failure)) = response.extensions_mut().remove::<Refusing>() else { return response };
    let (kind, body) = match form {
        Form::Envelope => ("application/json; charset=utf-8", serde_json::to_string(&enveloped(core, request_id, &failure))),
        Form::Problem => ("application/problem+json", serde_json::to_string(&problem(request_id, &failure))),
    };
    *response.body_mut() = Body::from(body.unwrap_or_default());
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    mark(&failure, response.headers_mut());
    response
}

/// The headers that go with a status.
fn mark(failure: &Failure, headers: &mut HeaderMap) {
    if let Some(seconds) = failure.retry_after_s {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if failure.status == 401 {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
}

fn enveloped(core: &Core, request_id: RequestId, failure: &Failure) -> Refused {
    let error = ErrorBody {
        code: failure.code.into(),
        message: failure.message.to_string(),
        fields: (!failure.fields.is_empty()).then(|| failure.fields.clone()),
    };
    Refused { success: false, data: None, error, meta: Meta { timestamp: core.clock.now(), request_id, next_cursor: None } }
}

fn problem(request_id: RequestId, failure: &Failure) -> Problem<'_> {
    Problem {
        r#type: format!("about:blank#{}", failure.code),
        title: &failure.message,
        status: failure.status,
        code: failure.code,
        fields: &failure.fields,
        instance: request_id,
    }
}

#[derive(Template)]
#[template(path = "refused.html")]
struct RefusedPage<'a> {
    heading: &'a str,
    message: &'a str,
    fields: &'a BTreeMap<String, String>,
    request_id: String,
}

/// The layer around pages: a refusal is shown as a page.
pub(crate) async fn refusals_as_pages(State(core): State<Core>, request: Request, next: Next) -> Response {
    use axum::extract::FromRequestParts as _;
    let (mut parts, body) = request.into_parts();
    let ctx = match Ctx::from_request_parts(&mut parts, &core).await {
        Ok(ctx) => ctx,
        Err(response) => return response,
    };
    let mut response = next.run(Request::from_parts(parts, body)).await;
    match response.extensions_mut().remove::<Refusing>() {
        None => response,
        Some(Refusing(failure)) => page_of(&ctx, &failure),
    }
}

/// A refusal as a page in the frame that fits the caller.
pub(crate) fn page_of(ctx: &Ctx, failure: &Failure) -> Response {
    if is_ours(failure) {
        let cause = failure.cause.as_deref().map(causes).unwrap_or_default();
        tracing::error!(event = "http.failure", request_id = %ctx.request_id(), code = failure.code, cause, "a page failed");
    }
    let heading = match failure.status {
        404 => "There is nothing here",
        403 => "This is not open to you",
        429 => "A moment, please",
        400..500 => "That did not work",
        503 => "Not at the moment",
        _ => "Something broke on our side",
    };
    let page = RefusedPage { heading, message: &failure.message, fields: &failure.fields, request_id: ctx.request_id().to_string() };
    let html = ctx.page("", heading, &page).map(|html| html.with_status(failure.status));
    let mut response = html.map_or_else(
        |_| Html { status: axum::http::StatusCode::INTERNAL_SERVER_ERROR, body: heading.into(), retry_after_s: None }.into_response(),
        Html::into_response,
    );
    mark(failure, response.headers_mut());
    response
}
