//! Reading payments back, and finding out what belongs together.

use serde_json::Value;

use super::Stripe;
use super::actions::segment;
use super::client::CallError;
use super::document::{decline, id, money, text};
use super::form::Fields;
use super::payments;
use crate::provider::{
    Account, CustomerFacts, EventKind, Joined, Payment, PaymentState, PaymentStatus, ProviderError, ProviderEvent, ProviderRef, RawDecline,
    Refs,
};

/// What makes an invoice tell of its payments.
pub const PAYMENTS: &str = "payments.data.payment.payment_intent";
/// Payments of one invoice: as many as Stripe lists at once.
const PAYMENTS_MAX: u32 = 100;

/// What Stripe says of a payment.
pub async fn read_back(stripe: &Stripe, account: &Account, of: &ProviderRef) -> Result<PaymentState, ProviderError> {
    let (path, expand) = match of {
        ProviderRef::Intent(id) => (format!("/v1/payment_intents/{}", known(id)?), "latest_charge"),
        ProviderRef::Invoice(id) => (format!("/v1/invoices/{}", known(id)?), PAYMENTS),
        ProviderRef::Session(id) => (format!("/v1/checkout/sessions/{}", known(id)?), "payment_intent"),
    };
    let document = get(stripe, account, &path, &Fields::new().set("expand[]", expand)).await?;
    Ok(match of {
        ProviderRef::Intent(_) => intent(&document),
        ProviderRef::Invoice(_) => invoice(&document),
        ProviderRef::Session(_) => session(&document),
    })
}

/// An id that may be asked for. Whatever Stripe could not have made leads nowhere there, and must not
/// lead anywhere else.
fn known(id: &str) -> Result<&str, ProviderError> {
    segment(id).map_err(|_| ProviderError::Refused {
        code: ProviderError::RESOURCE_MISSING.to_owned(),
        message: "this is not an id of the provider".to_owned(),
    })
}

async fn get(stripe: &Stripe, account: &Account, path: &str, query: &Fields) -> Result<Value, ProviderError> {
    stripe.client.get(account, path, query).await.map_err(|error| match error {
        CallError::Other(error) => unread(error),
        CallError::Card(_) => ProviderError::Unknown("reading was answered like a charge".into()),
    })
}

/// Only what the provider does not know is unknown there. Any other refusal to be read (a parameter of
/// another version, a proxy between us) says nothing of the payment; people have to look at it.
fn unread(error: ProviderError) -> ProviderError {
    match error {
        ProviderError::Refused { code, message } if code != ProviderError::RESOURCE_MISSING => {
            ProviderError::Config(format!("the provider refuses to be read: {code}: {message}"))
        }
        other => other,
    }
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
        further: Vec::new(),
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
    if paid { paid_with(of, state) } else { state }
}

/// Which payments a paid invoice was paid with. One that was marked as paid had none.
fn paid_with(of: &Value, mut state: PaymentState) -> PaymentState {
    let rows = of.get("payments").map(payments::rows).unwrap_or_default();
    let is_marked = of.get("paid_out_of_band").and_then(Value::as_bool) == Some(true);
    if rows.is_empty() && !is_marked {
        return state;
    }
    let mut paid = payments::paid(if is_marked { &[] } else { rows }, state.money).into_iter();
    let first = paid.next().unwrap_or_else(|| Payment { refs: Refs::default(), money: state.money });
    state.refs = Refs { invoice: state.refs.invoice, ..first.refs };
    state.money = first.money;
    state.further = paid.collect();
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
    let answer = get(stripe, account, "/v1/invoice_payments", &query.set("limit", PAYMENTS_MAX)).await?;
    complete(&mut event, &answer);
    event.needs_join = false;
    Ok(Joined::Whole(event))
}

/// Fills in from the list of an invoice's payments, or of an intent's invoices.
fn complete(event: &mut ProviderEvent, list: &Value) {
    let rows = payments::rows(list);
    if event.refs.invoice.is_some() && event.kind == EventKind::PaymentSucceeded {
        return paid(event, rows);
    }
    let is_default = |row: &&Value| row.get("is_default").and_then(Value::as_bool) == Some(true);
    // An intent has one row; an invoice collects with its default one.
    let Some(row) = rows.iter().find(is_default).or_else(|| rows.first()) else { return };
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

/// The payments that paid an invoice; none when it was marked as paid.
fn paid(event: &mut ProviderEvent, rows: &[Value]) {
    let mut paid = payments::paid(rows, event.money).into_iter();
    let Some(first) = paid.next() else { return };
    event.refs.fill(&first.refs);
    event.money = first.money;
    event.further = paid.collect();
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
        let declined = json!({"data": declined});
        let intents = ["invoice.paid", "invoice.payment_failed"].map(|type_name| {
            let mut event = event(type_name, &invoice);
            complete(&mut event, &declined);
            event.refs.intent
        });
        assert_eq!(intents, [None, Some("pi_1".into())]);
        let marked = json!({"id": "in_1", "amount_paid": 5, "currency": "eur", "payment_intent": "pi_1", "charge": "ch_1", "paid_out_of_band": true});
        let told = event("invoice.paid", &marked);
        assert_eq!((told.refs.money_key(), told.needs_join), (Some("in_1"), false), "its intent moved no money");
        let read = paid_with(
            &marked,
            self::invoice(&json!({"id": "in_1", "status": "paid", "amount_paid": 5, "currency": "eur", "payment_intent": "pi_1"})),
        );
        assert_eq!(read.refs.money_key(), Some("in_1"));
    }

    #[test]
    fn each_payment_of_an_invoice_is_money_of_its_own() {
        let rows = json!([
            {"invoice": "in_1", "status": "paid", "amount_paid": 40, "currency": "eur", "payment": {"payment_intent": {"id": "pi_a", "status": "succeeded", "latest_charge": "ch_a"}}},
            {"invoice": "in_1", "status": "canceled", "currency": "eur", "payment": {"payment_intent": {"id": "pi_x", "status": "canceled"}}},
            {"invoice": "in_1", "status": "paid", "currency": "eur", "payment": {"payment_intent": {"id": "pi_b", "status": "succeeded", "amount_received": 60, "currency": "eur"}}},
        ]);
        let whole = json!({"id": "in_1", "status": "paid", "amount_paid": 100, "currency": "eur", "payments": {"data": rows}});
        let keys = |payments: Vec<Payment>| -> Vec<(String, i64)> {
            payments.iter().map(|one| (one.refs.money_key().unwrap_or_default().into(), one.money.map_or(0, |money| money.minor))).collect()
        };
        let expected = [("pi_a".to_owned(), 40), ("pi_b".to_owned(), 60)];
        assert_eq!(keys(invoice(&whole).payments().collect()), expected, "read back");
        let mut joined = event("invoice.paid", &json!({"id": "in_1", "amount_paid": 100, "currency": "eur"}));
        complete(&mut joined, &json!({"data": whole["payments"]["data"]}));
        for told in [joined, event("invoice.paid", &whole)] {
            let first = Payment { refs: told.refs.clone(), money: told.money };
            assert_eq!(keys(std::iter::once(first).chain(told.further).collect()), expected);
            assert_eq!(told.refs.invoice.as_deref(), Some("in_1"));
        }
    }

    #[test]
    fn only_a_missing_object_was_never_heard_of() {
        let refused = |code: &str| ProviderError::Refused { code: code.into(), message: String::new() };
        assert!(unread(refused("resource_missing")).is_never_heard());
        assert!(matches!(unread(refused("parameter_unknown")), ProviderError::Config(_)));
        for wrong in ["../in_OTHER", "in_/../in_OTHER", "..", "", "in_1?x=1", "order-7"] {
            assert!(known(wrong).is_err_and(|error| error.is_never_heard()), "{wrong:?}");
        }
        assert_eq!(known("in_1"), Ok("in_1"));
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
