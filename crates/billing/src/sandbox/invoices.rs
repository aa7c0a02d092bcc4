//! Invoices, in the shape since 2025-03-31: neither an invoice nor its intent names the other; the
//! list of invoice payments does.

use serde_json::{Value, json};

use super::call::{Call, new_id, text};
use super::charging::{Presence, collect};
use super::fields::Fields;
use super::intents::{method_of, new_intent};
use super::refusal::Refusal;

/// `POST /v1/invoices`, with the amount in one field: the sandbox has no line items.
pub async fn create(call: &mut Call, fields: &Fields) -> Result<Value, Refusal> {
    let intent = new_intent(call, fields.amount("amount")?, fields.needed("currency")?, fields)?;
    let invoice = json!({
        "id": new_id("in"),
        "object": "invoice",
        "amount_due": intent["amount"],
        "amount_paid": 0,
        "amount_remaining": intent["amount"],
        "attempt_count": 0,
        "attempted": false,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "customer_email": fields.text("customer_email"),
        "customer_name": fields.text("customer_name"),
        "created": call.stamp(),
        "default_payment_method": fields.text("default_payment_method"),
        "livemode": false,
        "metadata": fields.map("metadata"),
        "next_payment_attempt": Value::Null,
        "status": "open",
    });
    let payment = json!({
        "id": payment_id(&intent),
        "object": "invoice_payment",
        "amount_requested": intent["amount"],
        "amount_paid": Value::Null,
        "created": call.stamp(),
        "currency": intent["currency"],
        "invoice": invoice["id"],
        "is_default": true,
        "livemode": false,
        "payment": { "type": "payment_intent", "payment_intent": intent["id"] },
        "status": "open",
    });
    call.save("payment_intent", None, &intent).await?;
    call.save("invoice", None, &invoice).await?;
    call.save("invoice_payment", Some(&text(&invoice, "id")), &payment).await?;
    Ok(invoice)
}

/// The row that ties an intent to its invoice is found by the intent's own id.
fn payment_id(intent: &Value) -> String {
    format!("inpay_{}", text(intent, "id").trim_start_matches("pi_"))
}

/// `GET /v1/invoices/{id}`
pub async fn retrieve(call: &mut Call, id: &str, fields: &Fields) -> Result<Value, Refusal> {
    let mut invoice = call.load("invoice", id).await?;
    if fields.expands("payments.data.payment.payment_intent") {
        let payments = expanded(call, id, true, false).await?;
        invoice["payments"] = json!({ "object": "list", "data": payments });
    }
    Ok(invoice)
}

/// `GET /v1/invoice_payments`, of an invoice or of an intent
pub async fn list_payments(call: &mut Call, fields: &Fields) -> Result<Value, Refusal> {
    let with_intent = fields.expands("data.payment.payment_intent");
    let with_invoice = fields.expands("data.invoice");
    let rows = match (fields.text("invoice"), fields.text("payment[payment_intent]")) {
        (Some(invoice), _) => expanded(call, invoice, with_intent, with_invoice).await?,
        (None, Some(intent)) => match call.load("invoice_payment", &payment_id(&json!({ "id": intent }))).await {
            Ok(row) => vec![expand(call, row, with_intent, with_invoice).await?],
            Err(Refusal::Answer { .. }) => vec![],
            Err(broken) => return Err(broken),
        },
        (None, None) => return Err(Refusal::missing("invoice")),
    };
    Ok(json!({ "object": "list", "data": rows, "has_more": false, "url": "/v1/invoice_payments" }))
}

async fn expanded(call: &mut Call, invoice: &str, with_intent: bool, with_invoice: bool) -> Result<Vec<Value>, Refusal> {
    let mut rows = vec![];
    for row in call.children("invoice_payment", invoice).await? {
        rows.push(expand(call, row, with_intent, with_invoice).await?);
    }
    Ok(rows)
}

async fn expand(call: &mut Call, mut row: Value, with_intent: bool, with_invoice: bool) -> Result<Value, Refusal> {
    if with_intent {
        row["payment"]["payment_intent"] = call.load("payment_intent", &text(&row["payment"], "payment_intent")).await?;
    }
    if with_invoice {
        row["invoice"] = call.load("invoice", &text(&row, "invoice")).await?;
    }
    Ok(row)
}

/// `POST /v1/invoices/{id}/pay`
pub async fn pay(call: &mut Call, id: &str, fields: &Fields) -> Result<Value, Refusal> {
    let mut invoice = call.load("invoice", id).await?;
    if text(&invoice, "status") != "open" {
        return Err(Refusal::invalid("invoice_not_open", format!("Invoice is {}.", text(&invoice, "status"))));
    }
    if fields.is_true("paid_out_of_band") {
        invoice["status"] = json!("paid");
        invoice["amount_remaining"] = json!(0);
        call.save("invoice", None, &invoice).await?;
        call.tell("invoice.paid", &invoice).await?;
        return Ok(invoice);
    }
    let payments = call.children("invoice_payment", id).await?;
    let intent = payments.first().map(|row| text(&row["payment"], "payment_intent")).unwrap_or_default();
    let intent = call.load("payment_intent", &intent).await?;
    let own = text(&invoice, "default_payment_method");
    let asked = fields.text("payment_method").or(Some(own.as_str()).filter(|own| !own.is_empty()));
    let method = method_of(call, &intent, asked).await?;
    collect(call, intent, &method, Presence::OffSession).await?;
    retrieve(call, id, fields).await
}

/// `POST /v1/invoices/{id}/void`
pub async fn void(call: &mut Call, id: &str) -> Result<Value, Refusal> {
    let mut invoice = call.load("invoice", id).await?;
    if text(&invoice, "status") != "open" {
        return Err(Refusal::invalid("invoice_not_open", format!("Invoice is {}.", text(&invoice, "status"))));
    }
    invoice["status"] = json!("void");
    call.save("invoice", None, &invoice).await?;
    call.tell("invoice.voided", &invoice).await?;
    Ok(invoice)
}

async fn of_intent(call: &mut Call, intent: &Value) -> Result<Option<Value>, Refusal> {
    match call.load("invoice_payment", &payment_id(intent)).await {
        Ok(row) => Ok(Some(call.load("invoice", &text(&row, "invoice")).await?)),
        Err(Refusal::Answer { .. }) => Ok(None),
        Err(broken) => Err(broken),
    }
}

/// What an intent's success means for its invoice, if it has one.
pub async fn intent_succeeded(call: &mut Call, intent: &Value) -> Result<(), Refusal> {
    let Some(mut invoice) = of_intent(call, intent).await? else { return Ok(()) };
    count_attempt(&mut invoice);
    invoice["status"] = json!("paid");
    invoice["amount_paid"] = intent["amount"].clone();
    invoice["amount_remaining"] = json!(0);
    call.save("invoice", None, &invoice).await?;
    let mut payment = call.load("invoice_payment", &payment_id(intent)).await?;
    payment["status"] = json!("paid");
    payment["amount_paid"] = intent["amount"].clone();
    call.save("invoice_payment", None, &payment).await?;
    call.tell("invoice.paid", &invoice).await
}

/// What an intent's decline means for its invoice, if it has one.
pub async fn intent_failed(call: &mut Call, intent: &Value) -> Result<(), Refusal> {
    let Some(mut invoice) = of_intent(call, intent).await? else { return Ok(()) };
    count_attempt(&mut invoice);
    call.save("invoice", None, &invoice).await?;
    call.tell("invoice.payment_failed", &invoice).await
}

fn count_attempt(invoice: &mut Value) {
    let tries = invoice["attempt_count"].as_i64().unwrap_or_default();
    invoice["attempt_count"] = json!(tries + 1);
    invoice["attempted"] = json!(true);
}
