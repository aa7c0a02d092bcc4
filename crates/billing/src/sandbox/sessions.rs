//! Checkout sessions: the sandbox's own page where a payer pays.

use flows::{Activity, FlowCx, FlowFault, Flows as _, StartOptions, Workflow};
use host::{Registry, Work};
use kernel::Failure;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::call::{Call, new_id, text};
use super::charging::{Presence, collect};
use super::fields::Fields;
use super::intents::new_intent;
use super::refusal::Refusal;

/// Stripe opens a session for at least half an hour.
const OPEN_MIN_S: i64 = 30 * 60;
/// And for at most a day, which is also its default.
const OPEN_MAX_S: i64 = 24 * 60 * 60;

/// A session whose time comes.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Ending {
    account: String,
    session: String,
}

const END: Activity<Ending, ()> = Activity::new("billing.sandbox_end_session");
const ENDING: Workflow<Ending> = Workflow::new("billing.sandbox_end_session", 1);

pub fn register(app: &mut Registry) {
    app.activity(END, end);
    app.workflow(ENDING, ending);
}

/// `POST /v1/checkout/sessions`
pub async fn create(call: &mut Call, fields: &Fields) -> Result<Value, Refusal> {
    let item = "line_items[0][price_data]";
    let quantity: i64 = fields.text("line_items[0][quantity]").unwrap_or("1").parse().unwrap_or(1);
    let amount = fields.amount(&format!("{item}[unit_amount]"))?.saturating_mul(quantity.max(1));
    let currency = fields.needed(&format!("{item}[currency]"))?;
    let mut intent = new_intent(call, amount, currency, fields)?;
    intent["metadata"] = fields.map("payment_intent_data[metadata]");
    let now = call.stamp();
    let until = fields.text("expires_at").and_then(|text| text.parse().ok()).unwrap_or(now + OPEN_MAX_S);
    if !(now + OPEN_MIN_S..=now + OPEN_MAX_S).contains(&until) {
        return Err(Refusal::invalid("parameter_invalid", "The `expires_at` timestamp must be between 30 minutes and 24 hours from now."));
    }
    let id = new_id("cs_test");
    let session = json!({
        "id": id,
        "object": "checkout.session",
        "amount_total": amount,
        "cancel_url": fields.text("cancel_url"),
        "created": now,
        "currency": intent["currency"],
        "customer": fields.text("customer"),
        "customer_email": fields.text("customer_email"),
        "description": fields.text(&format!("{item}[product_data][name]")),
        "expires_at": until,
        "livemode": false,
        "metadata": fields.map("metadata"),
        "mode": "payment",
        "payment_intent": intent["id"],
        "payment_status": "unpaid",
        "status": "open",
        "success_url": fields.needed("success_url")?,
        "url": call.page(&format!("/checkout/{id}")),
    });
    call.save("payment_intent", None, &intent).await?;
    call.save("checkout_session", None, &session).await?;
    end_at(call, &id, until).await?;
    Ok(session)
}

async fn end_at(call: &mut Call, session: &str, until: i64) -> Result<(), Refusal> {
    let ending = Ending { account: call.account.clone(), session: session.to_owned() };
    let at = kernel::At::from_timestamp(until, 0).unwrap_or_else(|| call.now());
    flows::start_system(&mut call.system, ENDING, &ending, StartOptions::dedupe(session).at(at)).await?;
    Ok(())
}

async fn ending(mut cx: FlowCx, input: Ending) -> Result<(), FlowFault> {
    cx.step(END, input).await
}

async fn end(work: Work, ending: Ending) -> Result<(), Failure> {
    let system = work.core.store.system("a session of the sandbox ends").await?;
    let ended = async {
        let mut call = Call::within(system, ending.account, None, &work.core.public_url).await?;
        expire(&mut call, &ending.session).await?;
        Ok::<_, Refusal>(call)
    };
    match ended.await {
        Ok(call) => Ok(call.system.commit().await?),
        // Paid meanwhile, or its account is gone.
        Err(Refusal::Answer { .. }) => Ok(()),
        Err(Refusal::Broken(failure)) => Err(failure),
    }
}

/// `GET /v1/checkout/sessions/{id}`
pub async fn retrieve(call: &mut Call, id: &str, fields: &Fields) -> Result<Value, Refusal> {
    let mut session = call.load("checkout_session", id).await?;
    if fields.expands("payment_intent") {
        session["payment_intent"] = call.load("payment_intent", &text(&session, "payment_intent")).await?;
    }
    Ok(session)
}

/// `POST /v1/checkout/sessions/{id}/expire`
pub async fn expire(call: &mut Call, id: &str) -> Result<Value, Refusal> {
    let mut session = call.load("checkout_session", id).await?;
    if text(&session, "status") != "open" {
        return Err(Refusal::invalid("session_not_open", "Only Checkout Sessions with a status in [\"open\"] can be expired."));
    }
    session["status"] = json!("expired");
    session["url"] = Value::Null;
    call.save("checkout_session", None, &session).await?;
    call.tell("checkout.session.expired", &session).await?;
    Ok(session)
}

/// The payer pays on the page. The session afterwards, or why the card was declined.
pub async fn pay(call: &mut Call, id: &str, method: &str) -> Result<Value, Refusal> {
    let mut session = call.load("checkout_session", id).await?;
    let is_over = session["expires_at"].as_i64().is_some_and(|until| until <= call.stamp());
    if text(&session, "status") != "open" || is_over {
        return Err(Refusal::invalid("session_not_open", "This page is closed."));
    }
    let intent = call.load("payment_intent", &text(&session, "payment_intent")).await?;
    collect(call, intent, method, Presence::OnSession).await?;
    session["status"] = json!("complete");
    session["payment_status"] = json!("paid");
    call.save("checkout_session", None, &session).await?;
    call.tell("checkout.session.completed", &session).await?;
    Ok(session)
}
