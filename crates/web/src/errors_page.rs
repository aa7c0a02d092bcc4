//! What answers when nothing else does, and the list of all error codes.

use std::collections::BTreeMap;

use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use host::Registry;
use kernel::{FaultCode as _, General};

use crate::answer::refuse;
use crate::ctx::Ctx;
use crate::layers::page_of;

/// 404 for an unknown route: a page for a browser, the envelope for everybody else.
pub(crate) async fn nothing_here(ctx: Ctx, request: Request) -> Response {
    refused(&ctx, &request, General::NotFound)
}

/// 405 for a known route that doesn't offer the method; the router adds which it does. To whoever
/// only asks for that, it is an answer.
pub(crate) async fn wrong_method(ctx: Ctx, request: Request) -> Response {
    if request.method() == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    refused(&ctx, &request, General::MethodNotAllowed)
}

fn refused(ctx: &Ctx, request: &Request, fault: General) -> Response {
    let accepts_html =
        request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains("text/html"));
    if accepts_html && !request.uri().path().starts_with("/v1/") { page_of(ctx, &fault.into()) } else { refuse(fault.into()) }
}

/// The text of docs/ERRORS.md: every code that this program can answer, from the fault tables.
pub fn errors_markdown(registry: &Registry) -> String {
    let mut rows: BTreeMap<&str, (u16, &str)> =
        registry.all_faults().iter().map(|fault| (fault.code, (fault.status, fault.message))).collect();
    rows.extend(General::all().iter().map(|fault| (fault.code(), (fault.status(), fault.message()))));
    let mut text = String::from(
        "# Error codes\n\nGenerated from the fault tables in the code by `cargo test -p autorisen`; do not edit. Codes are append-only: a code never changes its meaning.\n\n\
         A refusal is `{\"success\": false, \"data\": null, \"error\": {\"code\", \"message\", \"fields\"?}, \"meta\": {\"timestamp\", \"request_id\"}}`;\n\
         with `Accept: application/problem+json` it is an RFC 9457 document with the same code.\n\n| code | status | what it means |\n| --- | --- | --- |\n",
    );
    for (code, (status, message)) in rows {
        text.push_str(&format!("| `{code}` | {status} | {message} |\n"));
    }
    text
}
