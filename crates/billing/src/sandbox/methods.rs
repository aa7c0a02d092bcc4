//! Payment methods: any token is one; those that were made here keep what they were made with.

use kernel::chance;
use serde_json::{Value, json};

use super::call::{Call, new_id};
use super::fields::Fields;
use super::refusal::Refusal;

/// `POST /v1/payment_methods`
pub async fn create(call: &mut Call, fields: &Fields) -> Result<Value, Refusal> {
    let mut method = card(&new_id("pm"));
    method["billing_details"]["email"] = json!(fields.text("billing_details[email]"));
    method["billing_details"]["name"] = json!(fields.text("billing_details[name]"));
    call.save("payment_method", None, &method).await?;
    Ok(method)
}

/// `GET /v1/payment_methods/{id}`
pub async fn retrieve(call: &mut Call, id: &str) -> Result<Value, Refusal> {
    describe(call, id).await
}

/// Keeps a method under a given token, for a charge that a person makes in the sandbox.
pub async fn keep(call: &mut Call, token: &str, email: Option<&str>, name: Option<&str>) -> Result<(), Refusal> {
    let mut method = card(token);
    method["billing_details"]["email"] = json!(email);
    method["billing_details"]["name"] = json!(name);
    call.save("payment_method", None, &method).await
}

/// A method as it stands in a decline.
pub async fn describe(call: &mut Call, token: &str) -> Result<Value, Refusal> {
    match call.load("payment_method", token).await {
        Ok(known) => Ok(known),
        Err(Refusal::Answer { .. }) => Ok(card(token)),
        Err(broken) => Err(broken),
    }
}

/// The same token is always the same card.
fn card(token: &str) -> Value {
    let fingerprint = &chance::digest(token)[..16];
    let last4: String = fingerprint.bytes().take(4).map(|byte| char::from(b'0' + byte % 10)).collect();
    json!({
        "id": token,
        "object": "payment_method",
        "type": "card",
        "billing_details": { "email": Value::Null, "name": Value::Null, "phone": Value::Null },
        "card": {
            "brand": "visa", "country": "US", "exp_month": 12, "exp_year": 2034, "funding": "credit", "fingerprint": fingerprint, "last4": last4,
        },
        "livemode": false,
    })
}
