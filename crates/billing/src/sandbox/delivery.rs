//! Webhooks, really sent: signed with the connection's secret, over HTTP, tried again for days.

use std::time::Duration;

use flows::{Activity, FlowCx, FlowFault, Flows as _, Retry, StartOptions, Workflow};
use host::{Registry, Work};
use kernel::{At, ConnectionId, Failure, General};
use sea_orm::ColumnTrait as _;
use serde::{Deserialize, Serialize};
use store::System;

use super::tables::object::{Column, Entity};
use crate::connections;
use crate::provider::Providers;
use crate::stripe;

/// One webhook on its way.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Webhook {
    connection: ConnectionId,
    event: String,
}

const SEND: Activity<Webhook, ()> = Activity::new("billing.sandbox_send_webhook");
const SENDING: Workflow<Webhook> = Workflow::new("billing.sandbox_webhook", 1);

/// About three days in all, as Stripe sends live events again.
const TRIES: Retry = Retry { max: 16, first: Duration::from_secs(5), factor: 3, cap: Duration::from_hours(6) };

pub fn register(app: &mut Registry) {
    app.activity(SEND, send).retries(TRIES);
    app.workflow(SENDING, sending);
}

/// Writes down that a connection is told of an event at an instant of our clock.
pub async fn schedule(system: &mut System, connection: ConnectionId, event: &str, copy: u32, at: At) -> Result<(), Failure> {
    let webhook = Webhook { connection, event: event.to_owned() };
    let options = StartOptions::dedupe(format!("{connection}:{event}:{copy}")).at(at);
    flows::start_system(system, SENDING, &webhook, options).await?;
    Ok(())
}

async fn sending(mut cx: FlowCx, webhook: Webhook) -> Result<(), FlowFault> {
    cx.step(SEND, webhook).await
}

async fn send(work: Work, webhook: Webhook) -> Result<(), Failure> {
    let core = &work.core;
    // A connection that was removed or switched off is told nothing.
    let Some(address) = connections::at_address(&core.store, webhook.connection).await? else { return Ok(()) };
    let system = core.store.system_read("an event of the sandbox").await?;
    let found = system.find::<Entity>().filter(Column::Kind.eq("event")).filter(Column::PspId.eq(&webhook.event)).one().await?;
    drop(system);
    let Some(event) = found else { return Ok(()) };
    let body = event.body.to_string();
    let gateway = connections::open_secrets(core.store.cipher(), &core.parts.get::<Providers>(), &address.row, core.clock.now())?;
    let Some(secret) = gateway.signing_secret() else { return Ok(()) };
    let signature = stripe::sign(secret, body.as_bytes(), core.clock.now());
    let request = crate::http::client()
        .map_err(Failure::internal)?
        .post(address.row.webhook_url(core))
        .header("content-type", "application/json; charset=utf-8")
        .header(stripe::SIGNATURE_HEADER, signature)
        .body(body);
    let answer = request.send().await.map_err(|wrong| Failure::new(General::DependencyUnavailable).with_cause(wrong))?;
    match answer.status() {
        status if status.is_success() => Ok(()),
        status => Err(Failure::new(General::DependencyUnavailable).with_cause(format!("the webhook was answered with {status}"))),
    }
}
