//! Refunds.

use serde_json::{Value, json};

use super::call::{Call, new_id, text};
use super::fields::Fields;
use super::refusal::Refusal;

/// `POST /v1/refunds`
pub async fn create(call: &mut Call, fields: &Fields) -> Result<Value, Refusal> {
    let charge_id = match (fields.text("charge"), fields.text("payment_intent")) {
        (Some(charge), _) => charge.to_owned(),
        (None, Some(intent)) => text(&call.load("payment_intent", intent).await?, "latest_charge"),
        (None, None) => return Err(Refusal::missing("charge")),
    };
    let mut charge = call.load("charge", &charge_id).await?;
    let refunded = charge["amount_refunded"].as_i64().unwrap_or_default();
    let left = charge["amount"].as_i64().unwrap_or_default() - refunded;
    let amount = if fields.text("amount").is_some() { fields.amount("amount")? } else { left };
    if text(&charge, "status") != "succeeded" || left == 0 {
        return Err(Refusal::invalid("charge_already_refunded", format!("Charge {charge_id} has nothing left to refund.")));
    }
    if amount > left {
        return Err(Refusal::invalid("amount_too_large", "Refund amount is greater than the unrefunded amount on the charge."));
    }
    charge["amount_refunded"] = json!(refunded + amount);
    charge["refunded"] = json!(amount == left);
    call.save("charge", None, &charge).await?;
    let refund = json!({
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "charge": charge["id"],
        "created": call.stamp(),
        "currency": charge["currency"],
        "payment_intent": charge["payment_intent"],
        "status": "succeeded",
    });
    call.save("refund", Some(&charge_id), &refund).await?;
    call.tell("charge.refunded", &charge).await?;
    Ok(refund)
}
