//! Extractors that answer in our envelope: malformed is 400, well-formed but wrong is 422 and
//! names the field.

use std::collections::BTreeSet;

use axum::RequestExt as _;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, MatchedPath, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use host::Core;
use kernel::{Failure, General};
use serde::de::DeserializeOwned;

use crate::answer::refuse;
use crate::ctx::Ctx;
use crate::settings::Settings;
use crate::{body, needed};

/// A JSON body. Unknown fields are refused by the types themselves (`deny_unknown_fields`).
#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

/// The parameters in the path. A malformed id is an id that does not exist: 404.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

/// The query string.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

/// A page's form; its `_csrf` field and its origin have been checked.
#[derive(Debug, Clone, Copy)]
pub struct Form<T>(pub T);

/// The bytes as they were sent, for what is signed.
#[derive(Debug, Clone)]
pub struct RawBody(pub Bytes);

/// Refuses a body that says itself that it is too large, before it is read: behind a connection that
/// closes while it is still sending, a caller would not see the answer.
pub(crate) fn refuse_announced(core: &Core, headers: &HeaderMap) -> Result<(), Failure> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let limit = core.parts.get::<Settings>().body_max_bytes;
    if announced.is_some_and(|bytes| bytes > limit) { Err(General::PayloadTooLarge.into()) } else { Ok(()) }
}

/// Reads the body as far as the limit allows.
pub(crate) async fn body(request: Request, core: &Core) -> Result<Bytes, Failure> {
    refuse_announced(core, request.headers())?;
    body::read(request.with_limited_body().into_body()).await
}

/// `type/subtype` without parameters, lower case; a charset other than UTF-8 counts as another type,
/// and so does a packed body: what another program would unpack is not to be read as it is. Codings have no
/// case (RFC 9110, 8.4.1).
fn media_type(headers: &HeaderMap) -> Option<String> {
    if headers.get_all(header::CONTENT_ENCODING).iter().any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return None;
    }
    let text = headers.get(header::CONTENT_TYPE)?.to_str().ok()?.to_ascii_lowercase();
    let mut parts = text.split(';').map(str::trim);
    let kind = parts.next()?.to_owned();
    let utf8 =
        parts.filter_map(|parameter| parameter.strip_prefix("charset=")).all(|set| matches!(set.trim_matches('"'), "utf-8" | "utf8"));
    utf8.then_some(kind)
}

/// `unknown field `x`, expected …` → `x`: serde names the field only in its message.
fn quoted(message: &str, before: &str) -> Option<String> {
    message.split_once(before)?.1.split_once('`').map(|(field, _)| field.to_owned())
}

fn at_field(path: &str, leaf: &str) -> String {
    if path.is_empty() || path == "." { leaf.to_owned() } else { format!("{path}.{leaf}") }
}

/// The field that a serde error is about, and the reason in plain words.
pub(crate) fn named(path: &str, message: &str) -> Failure {
    let message = message.split(" at line ").next().unwrap_or(message);
    if let Some(field) = quoted(message, "unknown field `") {
        let path = path.strip_suffix(&field).map_or(path, |outer| outer.trim_end_matches('.'));
        return Failure::field(&at_field(path, &field), "is not a known field; remove it");
    }
    if let Some(field) = quoted(message, "missing field `") {
        return Failure::field(&at_field(path, &field), "is required");
    }
    if let Some(field) = quoted(message, "duplicate field `") {
        return Failure::field(&at_field(path, &field), "is given twice");
    }
    Failure::field(if path.is_empty() || path == "." { "body" } else { path }, message)
}

impl<T: DeserializeOwned + Send> FromRequest<Core> for Json<T> {
    type Rejection = Response;

    async fn from_request(request: Request, core: &Core) -> Result<Self, Response> {
        let (mut parts, rest) = request.with_limited_body().into_parts();
        match json(&parts.headers, rest, core).await {
            Ok(read) => Ok(Self(read)),
            Err(failure) => Err(refuse(needed::first(&mut parts, core, failure).await)),
        }
    }
}

async fn json<T: DeserializeOwned>(headers: &HeaderMap, body: Body, core: &Core) -> Result<T, Failure> {
    if media_type(headers).as_deref() != Some("application/json") {
        return Err(Failure::new(General::UnsupportedMediaType));
    }
    refuse_announced(core, headers)?;
    crate::json::parse(&body::read(body).await?)
}

impl<T: DeserializeOwned> FromRequest<Core> for Form<T> {
    type Rejection = Response;

    async fn from_request(request: Request, core: &Core) -> Result<Self, Response> {
        if media_type(request.headers()).as_deref() != Some("application/x-www-form-urlencoded") {
            let failure = Failure::new(General::UnsupportedMediaType).with_message("Send the form as application/x-www-form-urlencoded.");
            return Err(refuse(failure));
        }
        let (mut parts, rest) = request.into_parts();
        let ctx = Ctx::from_request_parts(&mut parts, core).await?;
        let bytes = body(Request::from_parts(parts, rest), core).await.map_err(refuse)?;
        form(&ctx, &bytes).map(Self).map_err(refuse)
    }
}

fn form<T: DeserializeOwned>(ctx: &Ctx, bytes: &[u8]) -> Result<T, Failure> {
    let pairs: Vec<(String, String)> = serde_html_form::from_bytes(bytes).map_err(|_| Failure::new(General::MalformedRequest))?;
    let (tokens, fields): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(key, _)| key == "_csrf");
    let token = tokens.first().map_or("", |(_, token)| token.as_str());
    crate::csrf::check_form(ctx, token)?;
    let encoded = serde_html_form::to_string(&fields).map_err(Failure::internal)?;
    let reader = serde_html_form::Deserializer::from_bytes(encoded.as_bytes());
    serde_path_to_error::deserialize(reader).map_err(|wrong| named(&wrong.path().to_string(), &wrong.inner().to_string()))
}

impl<T: DeserializeOwned + Send> FromRequestParts<Core> for Path<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, core: &Core) -> Result<Self, Response> {
        // No name has a zero byte, and PostgreSQL can't even be asked for one.
        if parts.uri.path().contains("%00") {
            return Err(refuse(Failure::new(General::NotFound)));
        }
        #[expect(clippy::disallowed_types, reason = "this is our own wrapper around it")]
        let inner = axum::extract::Path::<T>::from_request_parts(parts, core).await;
        inner.map(|path| Self(path.0)).map_err(|_| refuse(Failure::new(General::NotFound)))
    }
}

impl<T: DeserializeOwned> FromRequestParts<Core> for Query<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &Core) -> Result<Self, Response> {
        let text = parts.uri.query().unwrap_or_default();
        // The router takes `/v1` off the address of a nested route, and keeps it in the matched path.
        let is_api = parts.extensions.get::<MatchedPath>().is_some_and(|route| route.as_str().starts_with("/v1/"));
        clear(text, is_api).map_err(refuse)?;
        let reader = serde_html_form::Deserializer::from_bytes(text.as_bytes());
        serde_path_to_error::deserialize(reader)
            .map(Self)
            .map_err(|wrong| refuse(named(&wrong.path().to_string(), &wrong.inner().to_string())))
    }
}

/// Refuses a query that two programs could read differently: of two equal names one takes the first
/// and another the last. A program that sends an empty value has lost one; a page's form sends them
/// for every field that was left empty.
fn clear(query: &str, is_api: bool) -> Result<(), Failure> {
    let mut names = BTreeSet::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if is_api && value.is_empty() {
            return Err(Failure::field(&name, "must not be empty; leave it out instead"));
        }
        if names.contains(&name) {
            return Err(Failure::field(&name, "is given twice"));
        }
        names.insert(name);
    }
    Ok(())
}

impl FromRequest<Core> for RawBody {
    type Rejection = Response;

    async fn from_request(request: Request, core: &Core) -> Result<Self, Response> {
        body(request, core).await.map(Self).map_err(refuse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_charset_is_another_type() {
        let headers = |value: &str| HeaderMap::from_iter([(header::CONTENT_TYPE, value.parse().unwrap())]);
        assert_eq!(media_type(&headers("Application/JSON; charset=UTF-8")).as_deref(), Some("application/json"));
        assert_eq!(media_type(&headers("application/json; charset=utf-16")), None);
    }
}
