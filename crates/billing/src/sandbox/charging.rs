//! Trying to collect an intent: the bank's answer, the charge that is left behind, and the events.

use serde_json::{Value, json};

use super::call::{Call, new_id, text};
use super::outcome::{Outcome, card_error};
use super::refusal::Refusal;
use super::{invoices, methods, scripts};

/// States in which an intent may be confirmed.
const CONFIRMABLE: [&str; 3] = ["requires_payment_method", "requires_confirmation", "requires_action"];

/// Whether the payer is there to prove themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    OffSession,
    OnSession,
}

/// Tries to collect an intent with a method. The intent as it is afterwards, or the refusal that the
/// caller is answered with; what happened stays in both cases.
pub async fn collect(call: &mut Call, mut intent: Value, method: &str, presence: Presence) -> Result<Value, Refusal> {
    if !CONFIRMABLE.contains(&text(&intent, "status").as_str()) {
        let message = format!("This PaymentIntent's status is {}, so it cannot be confirmed.", text(&intent, "status"));
        return Err(Refusal::invalid("payment_intent_unexpected_state", message));
    }
    let outcome = match scripts::next(&mut call.system, method).await? {
        Outcome::AuthenticationRequired if presence == Presence::OnSession => Outcome::Succeeded,
        outcome => outcome,
    };
    match outcome {
        Outcome::TimeoutBeforeCharge => {
            call.is_lost = true;
            Ok(intent)
        }
        Outcome::ApiError => Err(Refusal::api_error()),
        Outcome::RateLimited => Err(Refusal::rate_limited()),
        Outcome::Processing => {
            intent["status"] = json!("processing");
            intent["payment_method"] = json!(method);
            call.save("payment_intent", None, &intent).await?;
            Ok(intent)
        }
        Outcome::Succeeded => succeed(call, intent, method).await,
        Outcome::TimeoutAfterCharge => {
            call.is_lost = true;
            succeed(call, intent, method).await
        }
        Outcome::TimeoutAfterDecline => {
            call.is_lost = true;
            decline(call, intent, method, "do_not_honor", None).await
        }
        Outcome::AuthenticationRequired => decline(call, intent, method, "authentication_required", None).await,
        Outcome::Declined { code, network_advice } => decline(call, intent, method, &code, network_advice.as_deref()).await,
    }
}

async fn succeed(call: &mut Call, mut intent: Value, method: &str) -> Result<Value, Refusal> {
    let charge = charge(call, &intent, method, "succeeded");
    intent["status"] = json!("succeeded");
    intent["amount_received"] = intent["amount"].clone();
    intent["payment_method"] = json!(method);
    intent["latest_charge"] = charge["id"].clone();
    intent["last_payment_error"] = Value::Null;
    keep(call, &charge, &intent).await?;
    if call.faults.loses_answer(&mut call.system).await? {
        call.is_lost = true;
    }
    call.tell("payment_intent.succeeded", &intent).await?;
    invoices::intent_succeeded(call, &intent).await?;
    Ok(intent)
}

async fn decline(call: &mut Call, mut intent: Value, method: &str, code: &str, network_advice: Option<&str>) -> Result<Value, Refusal> {
    let mut charge = charge(call, &intent, method, "failed");
    let mut error = card_error(code, network_advice, &text(&charge, "id"));
    charge["failure_code"] = error["code"].clone();
    charge["failure_message"] = error["message"].clone();
    charge["outcome"] = json!({ "type": "issuer_declined", "network_status": "declined_by_network", "reason": code });
    error["payment_method"] = methods::describe(call, method).await?;
    intent["status"] = json!("requires_payment_method");
    intent["payment_method"] = Value::Null;
    intent["latest_charge"] = charge["id"].clone();
    intent["last_payment_error"] = error.clone();
    keep(call, &charge, &intent).await?;
    call.tell("payment_intent.payment_failed", &intent).await?;
    invoices::intent_failed(call, &intent).await?;
    error["payment_intent"] = intent;
    Err(Refusal::card(error))
}

async fn keep(call: &mut Call, charge: &Value, intent: &Value) -> Result<(), Refusal> {
    call.save("charge", Some(&text(intent, "id")), charge).await?;
    call.save("payment_intent", None, intent).await
}

fn charge(call: &Call, intent: &Value, method: &str, status: &str) -> Value {
    json!({
        "id": new_id("ch"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_refunded": 0,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "created": call.stamp(),
        "livemode": false,
        "metadata": intent["metadata"],
        "paid": status == "succeeded",
        "payment_intent": intent["id"],
        "payment_method": method,
        "refunded": false,
        "status": status,
        "failure_code": Value::Null,
        "failure_message": Value::Null,
        "outcome": { "type": "authorized", "network_status": "approved_by_network", "reason": Value::Null },
        "idempotency_key": call.idempotency_key,
    })
}
