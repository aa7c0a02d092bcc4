//! `POST /v1/webhooks/{provider}/{connection_id}`: a provider's events.
//!
//! The address names the connection, and with it the organization and the secret; nothing in the
//! payload does. 200 means kept: also for a duplicate, an unknown type, another mode. 400 is a
//! signature or a body that is not right, and leaves no row. 503 asks the provider to send again.

use axum::Router;
use axum::body::Bytes;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use host::Core;
use kernel::{Actor, ConnectionId, Failure, faults};
use serde_json::{Value, json};
use store::Tx;
use web::limits::{self, Way, Whose};
use web::{Ctx, Path, RawBody};

use super::provider_event::{EventState, reason};
use super::taking::{Delivery, Waiting, keep, set_state, settle};
use super::{Sink, later};
use crate::connections::{self, Address, ConnectionFault};
use crate::provider::{Gateway, Joined, NoProvider, ProviderError, ProviderEvent, ProviderName, Providers};
use crate::transactions::Source;

faults! {
    /// Faults of incoming webhooks.
    pub enum WebhookFault {
        SignatureInvalid = 400 "webhook_signature_invalid" "The signature does not match. Check the signing secret of this connection.",
        BodyInvalid = 400 "webhook_body_invalid" "The body is not an event of this provider.",
        ConnectionUnknown = 404 "webhook_connection_unknown" "There is no such connection.",
    }
}

/// Where providers send to.
pub(super) const PATH: &str = "/v1/webhooks/{provider}/{connection_id}";

pub(super) fn routes() -> Router<Core> {
    Router::new().route(PATH, post(receive_webhook))
}

/// What a provider reads of an answer is its status; the words are for people who look.
async fn receive_webhook(ctx: Ctx, Path((provider, connection)): Path<(String, String)>, RawBody(body): RawBody) -> Response {
    // Everybody by the network, whatever they show besides: nothing that a provider sends is ours.
    let network = web::address::network(ctx.address());
    if let Err(failure) = limits::count(ctx.core(), Way::Webhook, &[Whose::Network(&network)]).await {
        return refused(&failure);
    }
    match take(ctx.core(), &provider, &connection, ctx.headers(), &body).await {
        Ok(outcome) => said(StatusCode::OK, &json!({ "received": true, "outcome": outcome })),
        Err(failure) => refused(&failure),
    }
}

fn said(status: StatusCode, body: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn refused(failure: &Failure) -> Response {
    let body = json!({ "error": { "code": failure.code, "message": failure.message } });
    match StatusCode::from_u16(failure.status) {
        Ok(status) if status.is_client_error() => said(status, &body),
        _ => {
            // Whatever broke on our side, the provider shall send it again.
            if let Some(cause) = &failure.cause {
                tracing::error!(event = "billing.webhook_failed", code = failure.code, %cause, "a webhook could not be kept");
            }
            let mut response = said(StatusCode::SERVICE_UNAVAILABLE, &body);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("30"));
            response
        }
    }
}

async fn take(core: &Core, provider: &str, connection: &str, headers: &HeaderMap, body: &Bytes) -> Result<&'static str, Failure> {
    let name: ProviderName = provider.parse().map_err(|unknown| match unknown {
        NoProvider::NotConfigured => Failure::new(ConnectionFault::ProviderNotConfigured),
        NoProvider::Unknown => WebhookFault::ConnectionUnknown.into_failure(),
    })?;
    let id: ConnectionId = connection.parse().map_err(|_| WebhookFault::ConnectionUnknown.into_failure())?;
    let address = connections::at_address(&core.store, id).await?.filter(|address| address.row.provider == name.as_str());
    let address = address.ok_or_else(|| WebhookFault::ConnectionUnknown.into_failure())?;
    let now = core.clock.now();
    let gateway = connections::open_secrets(core.store.cipher(), &core.parts.get::<Providers>(), &address.row, now)?;
    let verified = gateway.verify(headers, body, now).map_err(|wrong| {
        tracing::warn!(event = "billing.webhook_refused", connection = %id, reason = %wrong, "a webhook was not signed right");
        WebhookFault::SignatureInvalid.into_failure()
    })?;
    let events = gateway.parse(&verified).map_err(|wrong| WebhookFault::BodyInvalid.into_failure().with_cause(wrong))?;
    let raw = std::str::from_utf8(verified.body()).map_err(|wrong| WebhookFault::BodyInvalid.into_failure().with_cause(wrong))?;
    let mut word = "ok";
    for event in events {
        word = take_one(core, &address, &gateway, raw, event).await?;
    }
    Ok(word)
}

/// What is known of an event before it is kept.
pub(super) enum Known {
    Ready(ProviderEvent),
    Ignored(ProviderEvent, &'static str),
    /// The provider could not be asked; asked again later.
    Pending(ProviderEvent),
}

/// Joins an event with what its document leaves out; outside any transaction.
pub(super) async fn know(gateway: &Gateway, is_live: bool, event: ProviderEvent) -> Known {
    if event.live_mode.is_some_and(|live| live != is_live) {
        return Known::Ignored(event, reason::OTHER_MODE);
    }
    match gateway.join(event.clone()).await {
        Ok(Joined::Whole(event)) => Known::Ready(event),
        Ok(Joined::NeedsApiKey(event)) => Known::Ignored(event, reason::NEEDS_API_KEY),
        // A key that the provider does not accept is as good as none; only people can mend it.
        Err(ProviderError::Config(_) | ProviderError::Refused { .. }) if event.refs.invoice.is_some() => {
            Known::Ignored(event, reason::NEEDS_API_KEY)
        }
        Err(ProviderError::Config(_) | ProviderError::Refused { .. }) => Known::Ready(ProviderEvent { needs_join: false, ..event }),
        Err(_) => Known::Pending(event),
    }
}

async fn take_one(core: &Core, address: &Address, gateway: &Gateway, raw: &str, event: ProviderEvent) -> Result<&'static str, Failure> {
    let known = know(gateway, address.row.is_live(), event).await;
    match store_one(core, address, raw, &known, true).await {
        Ok(word) => Ok(word),
        // The event is good and applying it is not: keep it alone, and try again later.
        Err(failure) if failure.status >= 500 || failure.status == 409 => {
            tracing::warn!(event = "billing.apply_failed", code = failure.code, %failure, "an event is kept and applied later");
            store_one(core, address, raw, &known, false).await
        }
        Err(failure) => Err(failure),
    }
}

/// Keeps an event and, if `apply`, applies it in the same transaction.
async fn store_one(core: &Core, address: &Address, raw: &str, known: &Known, apply: bool) -> Result<&'static str, Failure> {
    let source = source_of(address);
    let (Known::Ready(event) | Known::Ignored(event, _) | Known::Pending(event)) = known;
    let mut tx = Tx::for_org(&core.store, address.org, Actor::System("billing")).await?;
    let delivery = Delivery { connection: address.row.connection_id(), raw, event };
    let Some(row) = keep(&mut tx, &delivery, &source.key()).await? else { return Ok("duplicate") };
    let word = match known {
        Known::Ignored(_, reason) => {
            set_state(&mut tx, row, EventState::Ignored, Some(reason), None, None).await?;
            "ignored"
        }
        Known::Ready(event) if apply => {
            settle(&mut tx, &source, core.parts.find::<Sink>().as_deref(), row, event, Waiting::Now).await?;
            "ok"
        }
        Known::Ready(_) => {
            later::apply_later(&mut tx, row, reason::APPLY_PENDING).await?;
            "kept"
        }
        Known::Pending(_) => {
            later::apply_later(&mut tx, row, reason::JOIN_PENDING).await?;
            "kept"
        }
    };
    tx.commit().await?;
    Ok(word)
}

pub(super) fn source_of(address: &Address) -> Source {
    Source { connection: Some(address.row.connection_id()), gateway: address.row.provider.clone() }
}

impl WebhookFault {
    fn into_failure(self) -> Failure {
        Failure::new(self)
    }
}
