//! Reading payments back, and finding out what belongs together.

use serde_json::Value;

use super::Stripe;
use super::client::CallError;
use super::document::{decline, id, money, text};
use super::form::Fields;
use crate::provider::{
    Account, CustomerFacts, EventKind, Joined, PaymentState, PaymentStatus, ProviderError, ProviderEvent, ProviderRef, RawDecline, Refs,
};

/// What Stripe says of a payment.
pub async fn read_back(stripe: &Stripe, account: &Account, of: &ProviderRef) -> Result<PaymentState, ProviderError> {
    let (path, expand) = match of {
        ProviderRef::Intent(id) => (format!("/v1/payment_intents/{id}"), "latest_charge"),
        ProviderRef::Invoice(id) => (format!("/v1/invoices/{id}"), "payments.data.payment.payment_intent"),
        ProviderRef::Session(id) => (format!("/v1/checkout/sessions/{id}"), "payment_intent"),
    };
    let document = get(stripe, account, &path, &Fields::new().set("expand[]", expand)).await?;
    Ok(match of {
        ProviderRef::Intent(_) => intent(&document),
        ProviderRef::Invoice(_) => invoice(&document),
        ProviderRef::Session(_) => session(&document),
    })
}

async fn get(stripe: &Stripe, account: &Account, path: &str, query: &Fields) -> Result<Value, ProviderError> {
    stripe.client.get(account, path, query).await.map_err(|error| match error {
        CallError::Other(error) => error,
        CallError::Card(_) => ProviderError::Unknown("reading was answered like a charge".into()),
    })
}

/// A payment intent, whole or as an id.
pub fn intent(of: &Value) -> PaymentState {
    let status = match text(of, "/status").as_deref() {
        Some("succeeded") => PaymentStatus::Succeeded,
        Some("processing" | "requires_capture") => PaymentStatus::Processing,
        Some("requires_action" | "requires_confirmation") => PaymentStatus::RequiresAction,
        Some("canceled") => PaymentStatus::Canceled,
        _ if of.get("last_payment_error").is_some_and(|error| !error.is_null()) => PaymentStatus::Declined,
        _ => PaymentStatus::Open,
    };
    let paid = status == PaymentStatus::Succeeded;
    PaymentState {
        status,
        refs: Refs {
            invoice: id(of, "/invoice"),
            intent: text(of, "/id"),
            charge: id(of, "/latest_charge").or_else(|| id(of, "/last_payment_error/charge")),
            session: None,
        },
        money: money(of, if paid { "/amount_received" } else { "/amount" }),
        decline: if paid { None } else { failure(of) },
        payment_method: id(of, "/payment_method").or_else(|| id(of, "/last_payment_error/payment_method")),
    }
}

/// The last decline of an intent, completed by what its charge knows of the network.
fn failure(of: &Value) -> Option<RawDecline> {
    let mut last = decline(of.get("last_payment_error")?)?;
    if let Some(charge) = of.get("latest_charge").and_then(decline) {
        last.decline_code = last.decline_code.or(charge.decline_code);
        last.network_decline_code = last.network_decline_code.or(charge.network_decline_code);
        last.network_advice_code = last.network_advice_code.or(charge.network_advice_code);
        last.advice_code = last.advice_code.or(charge.advice_code);
    }
    Some(last)
}

/// An invoice in either shape.
pub fn invoice(of: &Value) -> PaymentState {
    let payment = of.get("payment_intent").or_else(|| of.pointer("/payments/data/0/payment/payment_intent")).unwrap_or(&Value::Null);
    let mut state = intent(payment);
    state.refs.intent = state.refs.intent.or_else(|| payment.as_str().map(ToOwned::to_owned));
    state.refs.invoice = text(of, "/id");
    state.status = match text(of, "/status").as_deref() {
        Some("paid") => PaymentStatus::Succeeded,
        Some("void" | "uncollectible") => PaymentStatus::Canceled,
        // Without an expanded intent the tries so far are all that an open invoice tells.
        _ if payment.is_object() => state.status,
        _ if of.get("attempted").and_then(Value::as_bool) == Some(true) => PaymentStatus::Declined,
        _ => PaymentStatus::Open,
    };
    let paid = state.status == PaymentStatus::Succeeded;
    state.money = money(of, if paid { "/amount_paid" } else { "/amount_due" });
    state
}

/// A checkout session: complete is not yet paid (some methods settle days later).
pub fn session(of: &Value) -> PaymentState {
    let mut state = intent(of.get("payment_intent").unwrap_or(&Value::Null));
    state.refs.intent = state.refs.intent.or_else(|| id(of, "/payment_intent"));
    state.refs.session = text(of, "/id");
    state.status = match (text(of, "/status").as_deref(), text(of, "/payment_status").as_deref()) {
        (_, Some("paid")) => PaymentStatus::Succeeded,
        (Some("complete"), _) => PaymentStatus::Processing,
        (Some("expired"), _) => PaymentStatus::Canceled,
        _ => PaymentStatus::Open,
    };
    state.money = money(of, "/amount_total").or(state.money);
    state
}

/// Looks up what a document of the newer shape leaves out.
pub async fn join(stripe: &Stripe, account: &Account, mut event: ProviderEvent) -> Result<Joined, ProviderError> {
    if !event.needs_join {
        return Ok(Joined::Whole(event));
    }
    let of_invoice = event.refs.invoice.is_some();
    if account.api_key.is_none() {
        // An intent can stand for itself; an invoice event alone would make a second obligation of it.
        event.needs_join = of_invoice;
        return Ok(if of_invoice { Joined::NeedsApiKey(event) } else { Joined::Whole(event) });
    }
    let query = match (&event.refs.invoice, &event.refs.intent) {
        (Some(invoice), _) => Fields::new().set("invoice", invoice).set("expand[]", "data.payment.payment_intent"),
        (None, Some(intent)) => {
            let of = Fields::new().set("payment[type]", "payment_intent").set("payment[payment_intent]", intent);
            of.set("expand[]", "data.invoice")
        }
        (None, None) => return Ok(Joined::Whole(event)),
    };
    let answer = get(stripe, account, "/v1/invoice_payments", &query.set("limit", 10)).await?;
    complete(&mut event, &answer);
    event.needs_join = false;
    Ok(Joined::Whole(event))
}

/// Fills in from the list of an invoice's payments, or of an intent's invoices.
fn complete(event: &mut ProviderEvent, list: &Value) {
    let rows = list.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let Some(row) = the_one(rows, event) else { return };
    let (invoice, payment) = (row.get("invoice").unwrap_or(&Value::Null), row.pointer("/payment/payment_intent").unwrap_or(&Value::Null));
    let state = intent(payment);
    // The intent may have gone on since: a failure is about the charge that failed.
    let charge = if event.kind == EventKind::PaymentFailed { id(payment, "/last_payment_error/charge") } else { state.refs.charge };
    let known = Refs { invoice: id(row, "/invoice"), intent: id(row, "/payment/payment_intent"), charge, session: None };
    event.refs.fill(&known);
    event.customer.fill(CustomerFacts {
        external_ref: id(invoice, "/customer"),
        email: text(invoice, "/customer_email"),
        name: text(invoice, "/customer_name"),
        ..CustomerFacts::default()
    });
    event.retry_at = event.retry_at.or_else(|| super::document::instant(invoice, "/next_payment_attempt"));
    if event.kind == EventKind::PaymentFailed && event.decline.is_none() {
        event.decline = state.decline;
        event.method = event.method.take().or_else(|| {
            super::document::method(state.payment_method, payment.pointer("/last_payment_error/payment_method").unwrap_or(&Value::Null))
        });
    }
}

/// Which of the rows an event is about. An intent has one row. Of an invoice's, a success is about
/// one that succeeded: an invoice that was marked as paid has none, and its declined intent moved no
/// money. Otherwise it is the default one, which the invoice itself collects with.
fn the_one<'a>(rows: &'a [Value], event: &ProviderEvent) -> Option<&'a Value> {
    if event.refs.invoice.is_some() && event.kind == EventKind::PaymentSucceeded {
        let is_paid = |row: &&Value| {
            text(row, "/status").as_deref() == Some("paid") || text(row, "/payment/payment_intent/status").as_deref() == Some("succeeded")
        };
        return rows.iter().find(is_paid);
    }
    let is_default = |row: &&Value| row.get("is_default").and_then(Value::as_bool) == Some(true);
    rows.iter().find(is_default).or_else(|| rows.first())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_complete_session_is_not_yet_paid() {
        let state = session(&json!({"id": "cs_1", "status": "complete", "payment_status": "unpaid", "payment_intent": "pi_1"}));
        assert_eq!((state.status, state.refs.intent.as_deref()), (PaymentStatus::Processing, Some("pi_1")));
    }

    #[test]
    fn an_invoice_tells_its_intent_in_both_shapes() {
        let old = invoice(&json!({"id": "in_1", "status": "open", "payment_intent": "pi_1", "attempted": true}));
        let new = invoice(&json!({"id": "in_1", "status": "paid", "amount_paid": 900, "currency": "usd",
            "payments": {"data": [{"payment": {"type": "payment_intent", "payment_intent": {"id": "pi_1", "status": "succeeded", "latest_charge": "ch_1"}}}]}}));
        assert_eq!((old.status, old.refs.intent.as_deref()), (PaymentStatus::Declined, Some("pi_1")));
        assert_eq!((new.status, new.refs.charge.as_deref()), (PaymentStatus::Succeeded, Some("ch_1")));
        assert_eq!(new.money.map(|money| money.minor), Some(900));
    }

    fn event(type_name: &str, object: &Value) -> ProviderEvent {
        let document = json!({"id": "evt_1", "type": type_name, "created": 1_763_600_000, "data": {"object": object}});
        crate::stripe::parse::parse(&crate::provider::Verified::new(document.to_string().as_bytes())).expect("an event")
    }

    #[test]
    fn an_invoice_that_was_marked_as_paid_has_no_payment() {
        let invoice = json!({"id": "in_1", "amount_due": 5, "amount_paid": 5, "currency": "eur"});
        let declined = [
            json!({"status": "open", "is_default": true, "payment": {"payment_intent": {"id": "pi_1", "status": "requires_payment_method"}}}),
        ];
        assert!(the_one(&declined, &event("invoice.paid", &invoice)).is_none());
        assert!(the_one(&declined, &event("invoice.payment_failed", &invoice)).is_some());
        assert!(the_one(&declined, &event("payment_intent.succeeded", &json!({"id": "pi_1"}))).is_some(), "an intent knows its own row");
    }

    #[test]
    fn a_list_of_payments_completes_both_sides() {
        let mut failed = event("invoice.payment_failed", &json!({"id": "in_1", "amount_due": 5, "currency": "eur"}));
        assert!(failed.needs_join);
        complete(
            &mut failed,
            &json!({"data": [{"invoice": "in_1", "is_default": true, "payment": {"type": "payment_intent", "payment_intent": {
            "id": "pi_1", "status": "requires_payment_method", "latest_charge": "ch_1", "last_payment_error": {"code": "card_declined", "decline_code": "lost_card", "charge": "ch_1"}}}}]}),
        );
        assert_eq!(failed.refs.all().collect::<Vec<_>>(), ["in_1", "pi_1", "ch_1"]);
        assert_eq!(failed.decline.and_then(|decline| decline.decline_code).as_deref(), Some("lost_card"));
    }
}
