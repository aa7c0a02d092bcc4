//! Extractors that answer in our envelope: malformed is 400, well-formed but wrong is 422 and
//! names the field.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use host::Core;
use kernel::{Failure, General};
use serde::de::DeserializeOwned;

use crate::answer::refuse;
use crate::ctx::Ctx;
use crate::settings::Settings;

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
    Bytes::from_request(request, core).await.map_err(|rejection| {
        use axum::response::IntoResponse as _;
        match rejection.into_response().status() {
            StatusCode::PAYLOAD_TOO_LARGE => Failure::new(General::PayloadTooLarge),
            _ => Failure::new(General::MalformedRequest).with_message("The body ended before it was complete."),
        }
    })
}

/// `type/subtype` without parameters, lower case; a charset other than UTF-8 counts as another type.
fn media_type(headers: &HeaderMap) -> Option<String> {
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
fn named(path: &str, message: &str) -> Failure {
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

pub(crate) fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    // Well-formed first: what is broken further on is a syntax error, whatever stands before it.
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes).map_err(|wrong| malformed(&wrong))?;
    // Serde would read a list as the fields of an object in their order; callers mean objects.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(Failure::field("body", "must be a JSON object"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut reader).map_err(|wrong| {
        let path = wrong.path().to_string();
        named(&path, &wrong.inner().to_string())
    })
}

fn malformed(wrong: &serde_json::Error) -> Failure {
    Failure::new(General::MalformedRequest).with_message(format!(
        "The body is not well-formed JSON (line {}, column {}).",
        wrong.line(),
        wrong.column()
    ))
}

impl<T: DeserializeOwned> FromRequest<Core> for Json<T> {
    type Rejection = Response;

    async fn from_request(request: Request, core: &Core) -> Result<Self, Response> {
        if media_type(request.headers()).as_deref() != Some("application/json") {
            return Err(refuse(Failure::new(General::UnsupportedMediaType)));
        }
        let bytes = body(request, core).await.map_err(refuse)?;
        parse_json(&bytes).map(Self).map_err(refuse)
    }
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
        #[expect(clippy::disallowed_types, reason = "this is our own wrapper around it")]
        let inner = axum::extract::Path::<T>::from_request_parts(parts, core).await;
        inner.map(|path| Self(path.0)).map_err(|_| refuse(Failure::new(General::NotFound)))
    }
}

impl<T: DeserializeOwned> FromRequestParts<Core> for Query<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &Core) -> Result<Self, Response> {
        let reader = serde_html_form::Deserializer::from_bytes(parts.uri.query().unwrap_or_default().as_bytes());
        serde_path_to_error::deserialize(reader)
            .map(Self)
            .map_err(|wrong| refuse(named(&wrong.path().to_string(), &wrong.inner().to_string())))
    }
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
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Address {
        #[expect(dead_code, reason = "only its reading is tested")]
        city: String,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Person {
        #[expect(dead_code, reason = "only its reading is tested")]
        address: Address,
    }

    fn refused(text: &str) -> (u16, Vec<String>) {
        let failure = parse_json::<Person>(text.as_bytes()).expect_err("must be refused");
        (failure.status, failure.fields.into_keys().collect())
    }

    #[test]
    fn a_wrong_field_is_named_by_its_path() {
        assert_eq!(refused(r#"{"address":{"city":3}}"#), (422, vec!["address.city".into()]));
        assert_eq!(refused(r#"{"address":{"city":"x","zip":1}}"#), (422, vec!["address.zip".into()]));
        assert_eq!(refused(r#"{"address":{}}"#), (422, vec!["address.city".into()]));
        assert_eq!(refused("{}"), (422, vec!["address".into()]));
        assert_eq!(refused(r#"{"address":{"city":"x","city":"y"}}"#), (422, vec!["address.city".into()]));
    }

    #[test]
    fn broken_json_is_a_syntax_error() {
        for text in ["", "{", "[1", r#"{"address":{"city":"x"}} x"#, "NaN"] {
            assert_eq!(refused(text).0, 400, "{text:?}");
        }
        assert_eq!(refused(&"[".repeat(10_000)).0, 400);
    }

    #[test]
    fn a_list_is_no_object() {
        assert_eq!(refused(r#"[{"city":"x"}]"#), (422, vec!["body".into()]));
        assert_eq!(refused("null").0, 422);
    }

    #[test]
    fn another_charset_is_another_type() {
        let headers = |value: &str| HeaderMap::from_iter([(header::CONTENT_TYPE, value.parse().unwrap())]);
        assert_eq!(media_type(&headers("Application/JSON; charset=UTF-8")).as_deref(), Some("application/json"));
        assert_eq!(media_type(&headers("application/json; charset=utf-16")), None);
    }
}
