//! Lenient reading of Stripe's documents: a field that is missing, null, or an id where an object
//! was expected never makes the rest unreadable.

use kernel::{At, Currency, Money};
use serde_json::Value;

use super::amount;
use crate::provider::{CustomerFacts, MethodFacts, RawDecline, Tags};

/// The longest text that is kept of any field: Stripe's own longest (an error message) is shorter.
const TEXT_MAX: usize = 500;
/// Tags kept of one object: Stripe allows fifty.
const TAGS_MAX: usize = 50;

/// A text at a JSON pointer; an empty one counts as missing.
pub fn text(of: &Value, pointer: &str) -> Option<String> {
    let text = of.pointer(pointer)?.as_str()?;
    let kept: String = text.chars().filter(can_be_kept).take(TEXT_MAX).collect();
    (!kept.is_empty()).then_some(kept)
}

/// PostgreSQL has no U+0000 in a text; no name, code or id of a provider has one either.
fn can_be_kept(letter: &char) -> bool {
    *letter != '\0'
}

/// The id at a pointer, whether the object is there in full or by its id.
pub fn id(of: &Value, pointer: &str) -> Option<String> {
    text(of, pointer).or_else(|| text(of.pointer(pointer)?, "/id"))
}

/// A whole number at a pointer.
pub fn number(of: &Value, pointer: &str) -> Option<i64> {
    of.pointer(pointer)?.as_i64()
}

/// An instant given in Unix seconds.
pub fn instant(of: &Value, pointer: &str) -> Option<At> {
    At::from_timestamp(number(of, pointer)?, 0)
}

/// The amount at a pointer in the currency of the same object.
pub fn money(of: &Value, pointer: &str) -> Option<Money> {
    let currency: Currency = text(of, "/currency")?.parse().ok()?;
    let money = amount::from_stripe(number(of, pointer)?, currency);
    (money.minor.abs() <= crate::AMOUNT_MAX).then_some(money)
}

/// The object's `metadata`, as far as it is text.
pub fn tags(of: &Value, pointer: &str) -> Tags {
    let entries = of.pointer(pointer).and_then(Value::as_object).into_iter().flatten();
    let kept = |text: &str| text.chars().filter(can_be_kept).collect::<String>();
    entries.filter_map(|(key, value)| Some((kept(key), kept(value.as_str()?)))).take(TAGS_MAX).collect()
}

/// `last_payment_error` and its like. The advice and network codes moved into it over the years; on a
/// charge they stand in `outcome`, whose `reason` is the decline code or the rule of Stripe's own block.
pub fn decline(error: &Value) -> Option<RawDecline> {
    let decline = RawDecline {
        code: text(error, "/code").or_else(|| text(error, "/failure_code")),
        decline_code: text(error, "/decline_code").or_else(|| text(error, "/outcome/reason")),
        advice_code: text(error, "/advice_code").or_else(|| text(error, "/outcome/advice_code")),
        network_decline_code: text(error, "/network_decline_code").or_else(|| text(error, "/outcome/network_decline_code")),
        network_advice_code: text(error, "/network_advice_code").or_else(|| text(error, "/outcome/network_advice_code")),
        message: text(error, "/message").or_else(|| text(error, "/failure_message")),
    };
    (!decline.is_empty()).then_some(decline)
}

/// A card as `payment_method` (`card: {…}`) or as `payment_method_details` of a charge.
pub fn method(token: Option<String>, of: &Value) -> Option<MethodFacts> {
    let token = token.or_else(|| text(of, "/id"))?;
    let card = of.pointer("/card").unwrap_or(&Value::Null);
    Some(MethodFacts {
        token,
        network: text(card, "/network").or_else(|| text(card, "/brand")),
        funding: text(card, "/funding"),
        country: text(card, "/country"),
        issuer: text(card, "/issuer"),
        last4: text(card, "/last4"),
        exp_month: number(card, "/exp_month").and_then(|month| i32::try_from(month).ok()),
        exp_year: number(card, "/exp_year").and_then(|year| i32::try_from(year).ok()),
        fingerprint: text(card, "/fingerprint"),
    })
}

/// `billing_details` of a method or charge.
pub fn billing(of: &Value) -> CustomerFacts {
    CustomerFacts {
        email: text(of, "/billing_details/email"),
        phone: text(of, "/billing_details/phone"),
        name: text(of, "/billing_details/name"),
        ..CustomerFacts::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_database_cannot_keep_is_left_out() {
        let object = serde_json::json!({"name": "a\u{0}b", "empty": "\u{0}", "metadata": {"k\u{0}": "v\u{0}"}});
        assert_eq!(text(&object, "/name").as_deref(), Some("ab"));
        assert_eq!(text(&object, "/empty"), None);
        assert_eq!(tags(&object, "/metadata").into_iter().collect::<Vec<_>>(), [("k".to_owned(), "v".to_owned())]);
    }

    #[test]
    fn an_amount_that_no_sum_could_hold_is_no_amount() {
        let object = |amount: i64| serde_json::json!({"currency": "eur", "amount": amount});
        assert!(money(&object(4900), "/amount").is_some());
        assert_eq!(money(&object(i64::MAX), "/amount"), None);
    }
}
