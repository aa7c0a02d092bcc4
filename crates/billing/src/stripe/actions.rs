//! Doing things at Stripe.

use serde_json::Value;

use super::amount::to_stripe;
use super::client::CallError;
use super::document::{decline, id, text};
use super::form::Fields;
use super::{Stripe, read};
use crate::provider::{
    Account, Action, ActionResult, CheckoutSession, IdempotencyKey, NewCheckout, PaymentStatus, ProviderError, Refs, Tags,
};
use kernel::Money;

/// Runs one action with its key.
pub async fn execute(stripe: &Stripe, account: &Account, action: &Action, key: &IdempotencyKey) -> Result<ActionResult, ProviderError> {
    let (path, fields) = request(action)?;
    let answer = stripe.client.post(account, &path, &fields, key).await;
    match (action, answer) {
        (_, Err(CallError::Other(error))) => Err(error),
        (Action::PayInvoice { invoice, .. }, Err(CallError::Card(error))) => Err(declined(&error, Some(invoice))),
        (_, Err(CallError::Card(error))) => Err(declined(&error, None)),
        (Action::ChargeOffSession { .. } | Action::ConfirmExisting { .. }, Ok(intent)) => {
            Ok(ActionResult::Charged(Box::new(read::intent(&intent))))
        }
        (Action::PayInvoice { .. }, Ok(invoice)) => Ok(ActionResult::Charged(Box::new(read::invoice(&invoice)))),
        (Action::CreateCheckout(_), Ok(session)) => opened(&session),
        (Action::ExpireCheckout { .. }, Ok(_)) => Ok(ActionResult::CheckoutExpired),
        (Action::Refund { .. }, Ok(refund)) => Ok(ActionResult::Refunded { refund: text(&refund, "/id").unwrap_or_default() }),
        (Action::RecordPaid { .. }, Ok(_)) => Ok(ActionResult::Recorded),
    }
}

/// Path and fields of the call that an action is.
fn request(action: &Action) -> Result<(String, Fields), ProviderError> {
    Ok(match action {
        Action::ChargeOffSession { amount, customer, payment_method, tags } => {
            ("/v1/payment_intents".into(), charge(*amount, customer.as_ref(), payment_method, tags)?)
        }
        Action::ConfirmExisting { intent, payment_method } => {
            let fields = Fields::new().set("off_session", true).set_if("payment_method", payment_method.as_ref());
            (format!("/v1/payment_intents/{}/confirm", segment(intent)?), fields)
        }
        Action::PayInvoice { invoice, payment_method } => {
            let fields = Fields::new().set("off_session", true).set_if("payment_method", payment_method.as_ref());
            // The answer shall name the intent: by it the money is counted once.
            (format!("/v1/invoices/{}/pay", segment(invoice)?), fields.set("expand[]", read::PAYMENTS))
        }
        Action::CreateCheckout(new) => ("/v1/checkout/sessions".into(), checkout(new)?),
        Action::ExpireCheckout { session } => (format!("/v1/checkout/sessions/{}/expire", segment(session)?), Fields::new()),
        Action::Refund { refs, amount } => ("/v1/refunds".into(), refund(refs, *amount)?),
        Action::RecordPaid { invoice } => (format!("/v1/invoices/{}/pay", segment(invoice)?), Fields::new().set("paid_out_of_band", true)),
    })
}

/// An id as a part of a path; anything but Stripe's own alphabet would lead elsewhere.
pub fn segment(id: &str) -> Result<&str, ProviderError> {
    let fine = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    fine.then_some(id).ok_or_else(|| refusal("invalid_id", "this is not an id of the provider"))
}

fn refusal(code: &str, message: &str) -> ProviderError {
    ProviderError::Refused { code: code.to_owned(), message: message.to_owned() }
}

fn units(amount: Money) -> Result<i64, ProviderError> {
    to_stripe(amount).map_err(|wrong| refusal("invalid_amount", &wrong.to_string()))
}

fn charge(amount: Money, customer: Option<&String>, method: &str, tags: &Tags) -> Result<Fields, ProviderError> {
    Ok(Fields::new()
        .set("amount", units(amount)?)
        .set("currency", amount.currency.code().to_lowercase())
        .set_if("customer", customer)
        .set("payment_method", method)
        .set("confirm", true)
        .set("off_session", true)
        .tags("metadata", tags))
}

fn checkout(new: &NewCheckout) -> Result<Fields, ProviderError> {
    // A known customer brings their address; Stripe refuses both together.
    let email = if new.customer.is_some() { None } else { new.email.as_ref() };
    Ok(Fields::new()
        .set("mode", "payment")
        .set("line_items[0][quantity]", 1)
        .set("line_items[0][price_data][currency]", new.amount.currency.code().to_lowercase())
        .set("line_items[0][price_data][unit_amount]", units(new.amount)?)
        .set("line_items[0][price_data][product_data][name]", &new.description)
        .set("success_url", &new.success_url)
        .set("cancel_url", &new.cancel_url)
        .set("expires_at", new.expires_at.timestamp())
        .set_if("customer", new.customer.as_ref())
        .set_if("customer_email", email)
        .tags("metadata", &new.tags)
        .tags("payment_intent_data[metadata]", &new.tags))
}

fn refund(refs: &Refs, amount: Money) -> Result<Fields, ProviderError> {
    let fields = Fields::new().set("amount", units(amount)?);
    match (&refs.intent, &refs.charge) {
        (Some(intent), _) => Ok(fields.set("payment_intent", intent)),
        (None, Some(charge)) => Ok(fields.set("charge", charge)),
        (None, None) => Err(refusal("nothing_to_refund", "neither the intent nor the charge is known")),
    }
}

fn opened(session: &Value) -> Result<ActionResult, ProviderError> {
    let unread = || ProviderError::Unknown("the session cannot be read".into());
    let id = text(session, "/id").ok_or_else(unread)?;
    let url = session.get("url").and_then(Value::as_str).ok_or_else(unread)?.to_owned();
    Ok(ActionResult::Checkout(CheckoutSession { id, url }))
}

/// A 402: the error names the decline, and carries the intent.
fn declined(error: &Value, invoice: Option<&String>) -> ProviderError {
    let intent = error.get("payment_intent").unwrap_or(&Value::Null);
    let mut state = read::intent(intent);
    state.status = PaymentStatus::Declined;
    state.decline = decline(error).or(state.decline);
    state.refs.fill(&Refs { invoice: invoice.cloned(), charge: id(error, "/charge"), ..Refs::default() });
    state.payment_method = state.payment_method.or_else(|| id(error, "/payment_method"));
    ProviderError::Declined(Box::new(state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_is_confirmed_at_once_and_off_session() {
        let action = Action::ChargeOffSession {
            amount: Money::new(1250, "EUR".parse().expect("a currency")),
            customer: Some("cus_9".into()),
            payment_method: "pm_card_visa".into(),
            tags: Tags::new(),
        };
        let (path, fields) = request(&action).expect("a request");
        assert_eq!(path, "/v1/payment_intents");
        assert_eq!(fields.encode(), "amount=1250&currency=eur&customer=cus_9&payment_method=pm_card_visa&confirm=true&off_session=true");
    }

    #[test]
    fn an_id_cannot_leave_its_path() {
        for wrong in ["", "../refunds", "pi_1/confirm", "pi_1?x=1", "pi 1"] {
            assert!(request(&Action::ConfirmExisting { intent: wrong.into(), payment_method: None }).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_402_tells_the_decline_and_the_intent() {
        let error = serde_json::json!({
            "type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds", "charge": "ch_1",
            "payment_intent": {"id": "pi_1", "amount": 1250, "currency": "eur", "status": "requires_payment_method"},
        });
        let ProviderError::Declined(state) = declined(&error, None) else { panic!("a decline") };
        assert_eq!((state.refs.intent.as_deref(), state.refs.charge.as_deref()), (Some("pi_1"), Some("ch_1")));
        assert_eq!(state.decline.and_then(|decline| decline.decline_code).as_deref(), Some("insufficient_funds"));
    }
}
