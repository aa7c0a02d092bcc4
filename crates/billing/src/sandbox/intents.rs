//! Payment intents.

use serde_json::{Value, json};

use super::call::{Call, new_id, text};
use super::charging::{Presence, collect};
use super::fields::Fields;
use super::refusal::Refusal;

/// `POST /v1/payment_intents`
pub async fn create(call: &mut Call, fields: &Fields) -> Result<Value, Refusal> {
    let intent = new_intent(call, fields.amount("amount")?, fields.needed("currency")?, fields)?;
    call.save("payment_intent", None, &intent).await?;
    if fields.is_true("confirm") {
        let method = fields.needed("payment_method")?;
        return collect(call, intent, method, presence(fields)).await;
    }
    Ok(intent)
}

/// A new intent that nobody has tried to collect.
pub fn new_intent(call: &Call, amount: i64, currency: &str, fields: &Fields) -> Result<Value, Refusal> {
    let known: kernel::Currency =
        currency.parse().map_err(|_| Refusal::invalid("invalid_currency", format!("Invalid currency: {currency}")))?;
    Ok(json!({
        "id": new_id("pi"),
        "object": "payment_intent",
        "amount": amount,
        "amount_received": 0,
        "currency": known.code().to_lowercase(),
        "customer": fields.text("customer"),
        "created": call.stamp(),
        "description": fields.text("description"),
        "last_payment_error": Value::Null,
        "latest_charge": Value::Null,
        "livemode": false,
        "metadata": fields.map("metadata"),
        "payment_method": fields.text("payment_method"),
        "receipt_email": fields.text("receipt_email"),
        "status": "requires_payment_method",
    }))
}

/// `GET /v1/payment_intents/{id}`
pub async fn retrieve(call: &mut Call, id: &str, fields: &Fields) -> Result<Value, Refusal> {
    let mut intent = call.load("payment_intent", id).await?;
    let charge = text(&intent, "latest_charge");
    if fields.expands("latest_charge") && !charge.is_empty() {
        intent["latest_charge"] = call.load("charge", &charge).await?;
    }
    Ok(intent)
}

/// `POST /v1/payment_intents/{id}/confirm`
pub async fn confirm(call: &mut Call, id: &str, fields: &Fields) -> Result<Value, Refusal> {
    let intent = call.load("payment_intent", id).await?;
    let method = method_of(call, &intent, fields.text("payment_method")).await?;
    collect(call, intent, &method, presence(fields)).await
}

/// The method that was asked for, else the intent's own, else the one of its last charge.
pub async fn method_of(call: &mut Call, intent: &Value, asked: Option<&str>) -> Result<String, Refusal> {
    let known = [asked.unwrap_or_default().to_owned(), text(intent, "payment_method")].into_iter().find(|method| !method.is_empty());
    if let Some(method) = known {
        return Ok(method);
    }
    let charges = call.children("charge", &text(intent, "id")).await?;
    let last = charges.first().map(|charge| text(charge, "payment_method"));
    last.ok_or_else(|| Refusal::missing("payment_method"))
}

/// `POST /v1/payment_intents/{id}/cancel`
pub async fn cancel(call: &mut Call, id: &str) -> Result<Value, Refusal> {
    let mut intent = call.load("payment_intent", id).await?;
    if matches!(text(&intent, "status").as_str(), "succeeded" | "canceled") {
        return Err(Refusal::invalid("payment_intent_unexpected_state", "This PaymentIntent cannot be canceled."));
    }
    intent["status"] = json!("canceled");
    call.save("payment_intent", None, &intent).await?;
    call.tell("payment_intent.canceled", &intent).await?;
    Ok(intent)
}

fn presence(fields: &Fields) -> Presence {
    if fields.is_true("off_session") { Presence::OffSession } else { Presence::OnSession }
}
