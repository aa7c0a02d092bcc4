//! The sandbox's HTTP face: Stripe's paths under our own, with Stripe's idempotency.
//!
//! As at Stripe, the first status and body of a key are kept once execution has begun, refusals and
//! our own 500s included; the same key with other parameters is an error; keys are forgotten after a
//! day.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use chrono::TimeDelta;
use host::Core;
use kernel::{Failure, chance};
use sea_orm::{ActiveValue::Set, ColumnTrait as _, IntoActiveModel as _};
use serde_json::{Value, json};
use web::{Ctx, Path, RawBody};

use super::call::Call;
use super::fields::Fields;
use super::refusal::Refusal;
use super::tables::key::{self, Column, Entity};
use super::{intents, invoices, methods, refunds, sessions};

/// Stripe keeps keys for at least this long.
const KEYS_FOR: TimeDelta = TimeDelta::hours(24);

pub fn routes() -> Router<Core> {
    Router::new().route(&format!("{}/v1/{{*path}}", super::BASE_PATH), get(read).post(write))
}

async fn read(ctx: Ctx, Path(path): Path<String>, uri: axum::http::Uri) -> Response {
    let fields = Fields::read(uri.query().unwrap_or_default().as_bytes());
    let Some(api_key) = bearer(ctx.headers()) else { return said(&Refusal::not_an_account()) };
    let answer = async {
        let mut call = Call::begin(ctx.core(), &api_key, None).await?;
        get_object(&mut call, &path, &fields).await
    };
    match answer.await {
        Ok(body) => answered(200, body.to_string()),
        Err(refusal) => said(&refusal),
    }
}

async fn get_object(call: &mut Call, path: &str, fields: &Fields) -> Result<Value, Refusal> {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["payment_intents", id] => intents::retrieve(call, id, fields).await,
        ["invoices", id] => invoices::retrieve(call, id, fields).await,
        ["invoice_payments"] => invoices::list_payments(call, fields).await,
        ["checkout", "sessions", id] => sessions::retrieve(call, id, fields).await,
        ["payment_methods", id] => methods::retrieve(call, id).await,
        ["charges", id] => call.load("charge", id).await,
        _ => Err(Refusal::unknown("path", path)),
    }
}

async fn write(ctx: Ctx, Path(path): Path<String>, RawBody(body): RawBody) -> Response {
    let Some(api_key) = bearer(ctx.headers()) else { return said(&Refusal::not_an_account()) };
    let idempotency_key = ctx.headers().get("idempotency-key").and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
    match run(ctx.core(), &api_key, idempotency_key, &path, &body).await {
        Ok(Finished { is_lost: true, .. }) => lost(),
        Ok(Finished { status, body, .. }) => answered(status, body),
        Err(refusal) => said(&refusal),
    }
}

/// A call with its answer; both are kept.
struct Finished {
    status: u16,
    body: String,
    is_lost: bool,
}

async fn run(core: &Core, api_key: &str, key: Option<String>, path: &str, body: &Bytes) -> Result<Finished, Refusal> {
    let fields = Fields::read(body);
    let fingerprint = chance::digest(&format!("{path}?{}", fields.canonical()));
    let mut call = Call::begin(core, api_key, key.clone()).await?;
    let kept = match &key {
        Some(key) => match claim(&mut call, key, &fingerprint).await? {
            Claim::Fresh(row) => Some(row),
            Claim::Answered(finished) => return Ok(finished),
        },
        None => None,
    };
    let (status, body) = match post_object(&mut call, path, &fields).await {
        Ok(body) => (200, body.to_string()),
        Err(Refusal::Answer { status, body }) => (status, body.to_string()),
        Err(broken @ Refusal::Broken(_)) => return Err(broken),
    };
    if let Some(row) = kept {
        let mut row = row.into_active_model();
        row.status = Set(i32::from(status));
        row.body = Set(body.clone());
        call.system.update(row).await?;
    }
    let is_lost = call.is_lost;
    call.system.commit().await?;
    Ok(Finished { status, body, is_lost })
}

async fn post_object(call: &mut Call, path: &str, fields: &Fields) -> Result<Value, Refusal> {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["payment_intents"] => intents::create(call, fields).await,
        ["payment_intents", id, "confirm"] => intents::confirm(call, id, fields).await,
        ["payment_intents", id, "cancel"] => intents::cancel(call, id).await,
        ["invoices"] => invoices::create(call, fields).await,
        ["invoices", id, "pay"] => invoices::pay(call, id, fields).await,
        ["invoices", id, "void"] => invoices::void(call, id).await,
        ["checkout", "sessions"] => sessions::create(call, fields).await,
        ["checkout", "sessions", id, "expire"] => sessions::expire(call, id).await,
        ["refunds"] => refunds::create(call, fields).await,
        ["payment_methods"] => methods::create(call, fields).await,
        _ => Err(Refusal::unknown("path", path)),
    }
}

enum Claim {
    Fresh(key::Model),
    Answered(Finished),
}

/// Takes a key for this call, or finds what it was answered with. A second call with the same key
/// waits for the first, because the row is its own lock.
async fn claim(call: &mut Call, wanted: &str, fingerprint: &str) -> Result<Claim, Refusal> {
    forget(call, wanted).await?;
    let row = key::ActiveModel {
        account: Set(call.account.clone()),
        idempotency_key: Set(wanted.to_owned()),
        fingerprint: Set(fingerprint.to_owned()),
        status: Set(0),
        body: Set(String::new()),
        ..Default::default()
    };
    let is_new = call.system.insert_or_ignore(row, &[Column::Account, Column::IdempotencyKey]).await?;
    let row = find(call, wanted).await?.ok_or_else(|| Refusal::Broken(Failure::internal("a key that was just kept is not there")))?;
    if is_new {
        return Ok(Claim::Fresh(row));
    }
    if row.fingerprint != fingerprint {
        let body = json!({ "error": {
            "type": "idempotency_error",
            "message": "Keys for idempotent requests can only be used with the same parameters they were first used with.",
        } });
        return Err(Refusal::Answer { status: 400, body });
    }
    Ok(Claim::Answered(Finished { status: u16::try_from(row.status).unwrap_or(500), body: row.body, is_lost: false }))
}

async fn find(call: &Call, wanted: &str) -> Result<Option<key::Model>, Refusal> {
    let of = call.system.find::<Entity>().filter(Column::Account.eq(&call.account));
    Ok(of.filter(Column::IdempotencyKey.eq(wanted)).one().await?)
}

async fn forget(call: &mut Call, wanted: &str) -> Result<(), Refusal> {
    let before = call.now() - KEYS_FOR;
    if let Some(old) = find(call, wanted).await?.filter(|row| row.created_at < before) {
        call.system.delete::<Entity>(old.id).await?;
    }
    Ok(())
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    text.strip_prefix("Bearer ").map(ToOwned::to_owned)
}

fn said(refusal: &Refusal) -> Response {
    match refusal {
        Refusal::Answer { status, body } => answered(*status, body.to_string()),
        Refusal::Broken(failure) => {
            tracing::error!(event = "billing.sandbox_failed", code = failure.code, %failure, "the sandbox broke");
            answered(500, json!({ "error": { "type": "api_error", "message": failure.message } }).to_string())
        }
    }
}

fn answered(status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, [(CONTENT_TYPE, "application/json")], body).into_response();
    if status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// The connection breaks in the middle of the answer: the caller cannot know what happened.
fn lost() -> Response {
    let broken = futures::stream::iter([Ok(Bytes::from_static(b"{\"id\": \"")), Err(std::io::Error::other("the answer is lost"))]);
    ([(CONTENT_TYPE, "application/json")], Body::from_stream(broken)).into_response()
}
