//! Events as Stripe sends them, in both shapes of its API, from `tests/fixtures`.

use super::parse;
use crate::provider::{EventKind, ProviderEvent, Verified};

macro_rules! fixture {
    ($name:literal) => {
        parse(&Verified::new(include_bytes!(concat!("../../tests/fixtures/", $name, ".json")))).expect("the fixture is an event")
    };
}

const INTENT: &str = "pi_3QxKg8LkdIwHu7ix0c1d2e3f";
const CHARGE: &str = "ch_3QxKg8LkdIwHu7ix0Za9b8c7";
const INVOICE: &str = "in_1QxKg7LkdIwHu7ixQm4nRt5v";

fn refs(event: &ProviderEvent) -> Vec<&str> {
    event.refs.all().collect()
}

fn amount(event: &ProviderEvent) -> String {
    event.money.map(|money| money.to_string()).unwrap_or_default()
}

#[test]
fn a_failed_intent_of_the_old_shape_names_its_invoice() {
    let event = fixture!("payment_intent.payment_failed.old");
    assert_eq!((event.kind, event.needs_join), (EventKind::PaymentFailed, false));
    assert_eq!(refs(&event), [INVOICE, INTENT, CHARGE]);
    assert_eq!(event.obligation_key(), Some(INVOICE));
}

#[test]
fn an_old_intent_without_an_invoice_stands_for_itself() {
    let event = fixture!("payment_intent.payment_failed.old_without_invoice");
    assert_eq!((event.obligation_key(), event.needs_join), (Some(INTENT), false));
}

#[test]
fn a_failed_intent_of_the_new_shape_has_to_be_joined_and_tells_all_about_the_decline() {
    let event = fixture!("payment_intent.payment_failed.new");
    assert!(event.needs_join);
    assert_eq!(event.obligation_key(), Some(INTENT));
    assert_eq!((amount(&event).as_str(), event.live_mode), ("49.00 EUR", Some(true)));
    let decline = event.decline.expect("a decline");
    assert_eq!((decline.decline_code.as_deref(), decline.advice_code.as_deref()), (Some("insufficient_funds"), Some("try_again_later")));
    assert_eq!(decline.network_decline_code.as_deref(), Some("51"));
    let method = event.method.expect("a method");
    assert_eq!((method.last4.as_deref(), method.fingerprint.as_deref()), (Some("0341"), Some("Xt5EWLLDS7FJjR1c")));
    assert_eq!(event.customer.email.as_deref(), Some("paula.payer@example.com"), "from the billing details");
}

#[test]
fn a_success_tells_what_was_received() {
    for event in [fixture!("payment_intent.succeeded.old"), fixture!("payment_intent.succeeded.new")] {
        assert_eq!((event.kind, amount(&event).as_str()), (EventKind::PaymentSucceeded, "49.00 EUR"));
        assert_eq!((event.refs.money_key(), event.decline.is_none()), (Some(INTENT), true));
    }
}

#[test]
fn invoices_name_their_intent_only_in_the_old_shape() {
    let (old, new) = (fixture!("invoice.payment_failed.old"), fixture!("invoice.payment_failed.new"));
    assert_eq!((refs(&old), old.needs_join), (vec![INVOICE, INTENT, CHARGE], false));
    assert_eq!((refs(&new), new.needs_join), (vec![INVOICE], true));
    assert_eq!((old.obligation_key(), new.obligation_key()), (Some(INVOICE), Some(INVOICE)));
    assert!(new.retry_at.is_some(), "Stripe says when it tries again");
    let (old, new) = (fixture!("invoice.paid.old"), fixture!("invoice.paid.new"));
    assert_eq!((amount(&old), amount(&new)), ("49.00 EUR".into(), "49.00 EUR".into()));
    assert_eq!((old.refs.money_key(), new.needs_join), (Some(INTENT), true));
}

#[test]
fn what_is_canceled_or_voided_is_no_longer_owed() {
    assert_eq!(fixture!("payment_intent.canceled.new").kind, EventKind::IntentCanceled);
    assert_eq!(fixture!("invoice.voided.new").kind, EventKind::ObligationVoided);
}

#[test]
fn a_session_is_paid_only_when_it_says_so() {
    assert_eq!(fixture!("checkout.session.completed").kind, EventKind::CheckoutCompleted { paid: true });
    assert_eq!(fixture!("checkout.session.completed.unpaid").kind, EventKind::CheckoutCompleted { paid: false });
    assert_eq!(fixture!("checkout.session.async_payment_succeeded").kind, EventKind::CheckoutCompleted { paid: true });
    let expired = fixture!("checkout.session.expired");
    assert_eq!((expired.kind, expired.is_of_our_checkout()), (EventKind::CheckoutExpired, true));
}

#[test]
fn a_debit_that_fails_later_frees_its_session() {
    let text = include_str!("../../tests/fixtures/checkout.session.expired.json");
    let text = text.replace("checkout.session.expired", "checkout.session.async_payment_failed");
    let event = parse(&Verified::new(text.as_bytes())).expect("an event");
    assert_eq!((event.kind, event.is_of_our_checkout()), (EventKind::CheckoutFailed, true));
}

#[test]
fn a_refund_tells_the_sum_so_far() {
    let (old, new) = (fixture!("charge.refunded.old"), fixture!("charge.refunded.new"));
    assert_eq!((refs(&old), refs(&new)), (vec![INVOICE, INTENT, CHARGE], vec![INTENT, CHARGE]));
    assert_eq!((new.kind, amount(&new).as_str()), (EventKind::Refunded, "19.00 EUR"));
}

#[test]
fn an_unknown_type_is_an_event_and_rubbish_is_none() {
    let read = |text: &str| parse(&Verified::new(text.as_bytes()));
    let event = read(r#"{"id":"evt_1","type":"radar.early_fraud_warning.created","created":1763623200}"#).expect("an event");
    assert_eq!((event.kind, event.live_mode), (EventKind::Unknown, None));
    for wrong in
        ["", "[]", "{}", r#"{"id":"","type":"x","created":1}"#, r#"{"id":"evt_1","created":1}"#, r#"{"id":7,"type":"x","created":1}"#]
    {
        assert!(read(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn strange_fields_do_not_make_the_rest_unreadable() {
    let text = r#"{"id":"evt_1","type":"payment_intent.payment_failed","created":1763623200,"data":{"object":{
        "id":"pi_1","amount":"12","currency":7,"invoice":{"id":"in_1"},"customer":{"id":"cus_1","email":"a@x.io"},"last_payment_error":[],"metadata":{"a":1,"b":"c"}}}}"#;
    let event = parse(&Verified::new(text.as_bytes())).expect("an event");
    assert_eq!((event.money, refs(&event)), (None, vec!["in_1", "pi_1"]));
    assert_eq!((event.customer.email.as_deref(), event.tags.len()), (Some("a@x.io"), 1));
}
