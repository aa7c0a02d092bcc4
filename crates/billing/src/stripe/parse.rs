//! Stripe's events in our words, in both shapes of its API.
//!
//! Before the version of 2025-03-31 a payment intent named its invoice, and an invoice its intent
//! and charge. Since then neither names the other (docs.stripe.com/changelog/basil/2025-03-31/add-support-for-multiple-partial-payments-on-invoices).
//! The shape is told by whether the field is *there*: an old document says `"invoice": null` for a payment without
//! one. What a new document leaves out is marked `needs_join`, and looked up with the API key.

use kernel::Money;
use serde_json::Value;

use super::document::{billing, decline, id, instant, method, money, tags, text};
use super::payments;
use crate::provider::{CustomerFacts, EventKind, ParseFault, Payment, ProviderEvent, Refs, Tags, Verified};

/// Ids longer than this are not Stripe's.
const ID_LEN_MAX: usize = 255;

/// Reads one delivery. A type that we do not know is an event all the same.
pub fn parse(verified: &Verified) -> Result<ProviderEvent, ParseFault> {
    let document: Value = serde_json::from_slice(verified.body()).map_err(|wrong| ParseFault(wrong.to_string()))?;
    let missing = |what: &str| ParseFault(format!("`{what}` is missing"));
    let event_id = text(&document, "/id").filter(|id| id.len() <= ID_LEN_MAX).ok_or_else(|| missing("id"))?;
    let type_name = text(&document, "/type").filter(|name| name.len() <= ID_LEN_MAX).ok_or_else(|| missing("type"))?;
    let occurred_at = instant(&document, "/created").ok_or_else(|| missing("created"))?;
    let object = document.pointer("/data/object").unwrap_or(&Value::Null);
    let told = Told::of(&type_name, object);
    Ok(ProviderEvent {
        id: event_id,
        type_name,
        kind: told.kind,
        occurred_at,
        live_mode: document.get("livemode").and_then(Value::as_bool),
        refs: told.refs,
        money: told.money,
        decline: told.decline,
        method: told.method,
        customer: told.customer,
        retry_at: told.retry_at,
        tags: told.tags,
        further: told.further,
        needs_join: told.needs_join,
    })
}

/// What the object of an event tells.
#[derive(Debug)]
struct Told {
    kind: EventKind,
    refs: Refs,
    money: Option<Money>,
    decline: Option<crate::provider::RawDecline>,
    method: Option<crate::provider::MethodFacts>,
    customer: CustomerFacts,
    retry_at: Option<kernel::At>,
    tags: Tags,
    further: Vec<Payment>,
    needs_join: bool,
}

impl Told {
    fn new(kind: EventKind) -> Self {
        Self {
            kind,
            refs: Refs::default(),
            money: None,
            decline: None,
            method: None,
            customer: CustomerFacts::default(),
            retry_at: None,
            tags: Tags::new(),
            further: Vec::new(),
            needs_join: false,
        }
    }

    fn of(type_name: &str, object: &Value) -> Self {
        use EventKind::{
            CheckoutCompleted, CheckoutExpired, CheckoutFailed, DisputeOpened, IntentCanceled, MethodUpdated, ObligationVoided,
            PaymentFailed, PaymentSucceeded, Refunded,
        };
        let paid = || matches!(text(object, "/payment_status").as_deref(), Some("paid" | "no_payment_required"));
        match type_name {
            "payment_intent.payment_failed" => Self::intent(PaymentFailed, object),
            "payment_intent.succeeded" => Self::intent(PaymentSucceeded, object),
            "payment_intent.canceled" => Self::intent(IntentCanceled, object),
            "invoice.payment_failed" => Self::invoice(PaymentFailed, object),
            "invoice.paid" => Self::invoice(PaymentSucceeded, object),
            "invoice.voided" => Self::invoice(ObligationVoided, object),
            "checkout.session.completed" => Self::session(CheckoutCompleted { paid: paid() }, object),
            "checkout.session.async_payment_succeeded" => Self::session(CheckoutCompleted { paid: true }, object),
            "checkout.session.async_payment_failed" => Self::session(CheckoutFailed, object),
            "checkout.session.expired" => Self::session(CheckoutExpired, object),
            "charge.refunded" => Self::refund(Refunded, object),
            "charge.dispute.created" => Self::dispute(DisputeOpened, object),
            "payment_method.automatically_updated" | "payment_method.updated" => {
                Self { method: method(None, object), customer: customer(object, None), ..Self::new(MethodUpdated) }
            }
            _ => Self::new(EventKind::Unknown),
        }
    }

    fn intent(kind: EventKind, object: &Value) -> Self {
        let error = object.get("last_payment_error").unwrap_or(&Value::Null);
        let tried = error.get("payment_method").unwrap_or(&Value::Null);
        let token = id(error, "/payment_method").or_else(|| id(object, "/payment_method"));
        let tags = tags(object, "/metadata");
        let failed = kind == EventKind::PaymentFailed;
        let received = money(object, "/amount_received").filter(|received| received.minor > 0);
        Self {
            refs: Refs {
                invoice: id(object, "/invoice"),
                intent: text(object, "/id"),
                charge: failed
                    .then(|| id(error, "/charge"))
                    .flatten()
                    .or_else(|| id(object, "/latest_charge"))
                    .or_else(|| id(object, "/charges/data/0")),
                session: None,
            },
            money: if kind == EventKind::PaymentSucceeded {
                received.or_else(|| money(object, "/amount"))
            } else {
                money(object, "/amount")
            },
            // A success keeps the error of the try before it; only a failure is about that error.
            decline: failed.then(|| decline(error)).flatten(),
            method: method(token, tried),
            customer: customer(object, Some(tried)),
            needs_join: object.get("invoice").is_none() && !tags.contains_key(crate::provider::TAG_LINK),
            tags,
            ..Self::new(kind)
        }
    }

    fn invoice(kind: EventKind, object: &Value) -> Self {
        let succeeded = kind == EventKind::PaymentSucceeded;
        let total = money(object, if succeeded { "/amount_paid" } else { "/amount_due" });
        // An invoice that was marked as paid still names its intent, which moved no money.
        let is_marked = succeeded && object.get("paid_out_of_band").and_then(Value::as_bool) == Some(true);
        let rows = object.get("payments").map(payments::rows).unwrap_or_default();
        let mut paid = if succeeded && !is_marked { payments::paid(rows, total) } else { Vec::new() }.into_iter();
        let payment = match paid.next() {
            Some(first) => first,
            None if is_marked || (succeeded && !rows.is_empty()) => Payment { refs: Refs::default(), money: total },
            None => Payment { refs: collecting(object), money: total },
        };
        Self {
            refs: Refs { invoice: text(object, "/id"), session: None, ..payment.refs },
            money: payment.money,
            further: paid.collect(),
            customer: CustomerFacts {
                external_ref: id(object, "/customer"),
                email: text(object, "/customer_email"),
                phone: text(object, "/customer_phone"),
                name: text(object, "/customer_name"),
                ..CustomerFacts::default()
            },
            retry_at: instant(object, "/next_payment_attempt"),
            tags: tags(object, "/metadata"),
            needs_join: !is_marked && object.get("payment_intent").is_none() && rows.is_empty(),
            ..Self::new(kind)
        }
    }

    fn session(kind: EventKind, object: &Value) -> Self {
        Self {
            refs: Refs {
                invoice: id(object, "/invoice"),
                intent: id(object, "/payment_intent"),
                charge: None,
                session: text(object, "/id"),
            },
            money: money(object, "/amount_total"),
            customer: CustomerFacts {
                external_ref: id(object, "/customer"),
                email: text(object, "/customer_details/email").or_else(|| text(object, "/customer_email")),
                phone: text(object, "/customer_details/phone"),
                name: text(object, "/customer_details/name"),
                ..CustomerFacts::default()
            },
            tags: tags(object, "/metadata"),
            ..Self::new(kind)
        }
    }

    fn dispute(kind: EventKind, object: &Value) -> Self {
        Self {
            refs: Refs { intent: id(object, "/payment_intent"), charge: id(object, "/charge"), ..Refs::default() },
            money: money(object, "/amount"),
            tags: tags(object, "/metadata"),
            ..Self::new(kind)
        }
    }

    fn refund(kind: EventKind, object: &Value) -> Self {
        Self {
            refs: Refs {
                invoice: id(object, "/invoice"),
                intent: id(object, "/payment_intent"),
                charge: text(object, "/id"),
                session: None,
            },
            money: money(object, "/amount_refunded"),
            customer: customer(object, Some(object)),
            tags: tags(object, "/metadata"),
            ..Self::new(kind)
        }
    }
}

/// The intent and charge with which an invoice collects, in either shape.
fn collecting(invoice: &Value) -> Refs {
    let payment = invoice.pointer("/payments/data/0/payment").unwrap_or(&Value::Null);
    Refs {
        intent: id(invoice, "/payment_intent").or_else(|| id(payment, "/payment_intent")),
        charge: id(invoice, "/charge").or_else(|| id(payment, "/charge")),
        ..Refs::default()
    }
}

/// Whom to write to: the customer object if it is there in full, else `receipt_email`, else the
/// billing details of the method that was tried.
fn customer(object: &Value, tried: Option<&Value>) -> CustomerFacts {
    let mut facts = CustomerFacts {
        external_ref: id(object, "/customer"),
        email: text(object, "/customer/email").or_else(|| text(object, "/receipt_email")),
        name: text(object, "/customer/name"),
        phone: text(object, "/customer/phone"),
        ..CustomerFacts::default()
    };
    if let Some(tried) = tried {
        facts.fill(billing(tried));
    }
    facts
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
