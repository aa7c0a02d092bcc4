//! What a caller reports, and what can be wrong with it.

use kernel::{At, Check, ConnectionId, Currency, Failure, MailAddress, Money, faults};
use serde::Deserialize;
use utoipa::ToSchema;

use super::card_number;
use crate::provider::{CustomerFacts, EventKind, MethodFacts, ProviderEvent, RawDecline, Refs, Tags};

faults! {
    /// Faults of reported failures.
    pub enum ReportFault {
        RefNotFound = 404 "event_ref_not_found" "Nothing was reported under this reference.",
        CurrencyDiffers = 422 "currency_differs" "This payment is known in another currency.",
    }
}

/// Ids and codes of gateways are shorter.
const ID_LEN_MAX: usize = 255;
/// A sentence.
const MESSAGE_LEN_MAX: usize = 500;
/// A name or a mail address.
const TEXT_LEN_MAX: usize = 254;
/// What a caller may attach: enough for a few ids, not for documents.
const METADATA_MAX: usize = 50;
/// How far ahead of ours a caller's clock may be.
const AHEAD_MAX: chrono::TimeDelta = chrono::TimeDelta::hours(24);

/// A failed payment, as the caller knows it.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportFailure {
    /// The caller's own id of this event; the same id again changes nothing.
    #[schema(min_length = 1, max_length = 255)]
    pub event_id: String,
    /// What the payment is known by at the gateway: the invoice, else the payment intent or order.
    #[schema(min_length = 1, max_length = 255)]
    pub transaction_ref: String,
    /// Which connection it belongs to; without it the only one of the gateway is meant.
    pub connection_id: Option<ConnectionId>,
    /// Minor units: 1250 is 12.50 EUR.
    #[schema(minimum = 1)]
    pub amount: i64,
    pub currency: Currency,
    /// `stripe`, `sandbox`, or the name of any other gateway.
    #[schema(example = "stripe", min_length = 1, max_length = 64)]
    pub gateway: String,
    /// The gateway's decline code, such as `insufficient_funds`.
    pub failure_code: Option<String>,
    pub failure_message: Option<String>,
    /// The network's advice: a Mastercard merchant advice code or a Visa category.
    pub network_advice_code: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub occurred_at: At,
    pub customer: ReportedCustomer,
    pub payment_method: Option<ReportedMethod>,
    /// Kept with the event; texts, numbers and booleans by name.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

/// Who was to pay; everything may be missing.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportedCustomer {
    pub email: Option<MailAddress>,
    /// E.164, such as `+27821234567`.
    pub phone: Option<String>,
    pub name: Option<String>,
    /// The caller's own reference of the customer.
    pub external_ref: Option<String>,
    /// IANA, such as `Africa/Johannesburg`.
    pub timezone: Option<String>,
    /// BCP 47, such as `en-ZA`.
    pub locale: Option<String>,
}

/// What was charged. Never a card number.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportedMethod {
    /// The gateway's token.
    #[schema(min_length = 1, max_length = 255)]
    pub token: String,
    pub network: Option<String>,
    pub funding: Option<String>,
    /// ISO 3166, two letters.
    pub country: Option<String>,
    pub last4: Option<String>,
    #[schema(minimum = 1, maximum = 12)]
    pub exp_month: Option<i32>,
    pub exp_year: Option<i32>,
    pub fingerprint: Option<String>,
}

impl ReportFailure {
    /// Every wrong field at once.
    pub(super) fn check(&self, now: At) -> Result<(), Failure> {
        let mut check = Check::new();
        check.text("event_id", &self.event_id, 1..=ID_LEN_MAX).text("transaction_ref", &self.transaction_ref, 1..=ID_LEN_MAX);
        check.number("amount", self.amount, 1..=crate::AMOUNT_MAX);
        let plain =
            self.gateway.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'.'));
        check.that(plain && (1..=64).contains(&self.gateway.len()), "gateway", "must be a name such as `stripe`");
        check.text_if("failure_code", self.failure_code.as_deref(), 1..=ID_LEN_MAX);
        check.text_if("failure_message", self.failure_message.as_deref(), 1..=MESSAGE_LEN_MAX);
        check.text_if("network_advice_code", self.network_advice_code.as_deref(), 1..=8);
        check.instant("occurred_at", self.occurred_at).that(self.occurred_at <= now + AHEAD_MAX, "occurred_at", "is in the future");
        check.that(self.metadata.as_ref().is_none_or(|metadata| metadata.len() <= METADATA_MAX), "metadata", "has too many entries");
        // It becomes a part of addresses at the gateway.
        let is_reference = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
        check.that(self.transaction_ref.bytes().all(is_reference), "transaction_ref", "must have only letters, digits and any of `_-.:`");
        self.check_for_card_numbers(&mut check);
        self.customer.check(&mut check);
        if let Some(method) = &self.payment_method {
            method.check(&mut check);
        }
        check.done()
    }

    /// A card number must not come in, wherever somebody put it.
    fn check_for_card_numbers(&self, check: &mut Check) {
        let number = "must not have a card number in it; send your own name of the payment";
        check.that(!card_number::is_in_reference(&self.transaction_ref), "transaction_ref", number);
        let mut refuse = |field: &str, text: &str| {
            check.that(!card_number::is_in(text), field, "must not have a card number in it");
        };
        for (field, text) in [
            ("failure_code", &self.failure_code),
            ("failure_message", &self.failure_message),
            ("customer.name", &self.customer.name),
            ("customer.external_ref", &self.customer.external_ref),
        ] {
            refuse(field, text.as_deref().unwrap_or_default());
        }
        refuse("customer.email", self.customer.email.as_ref().map_or("", MailAddress::as_str));
        for (name, value) in self.metadata.iter().flatten() {
            refuse("metadata", name);
            refuse(&format!("metadata.{name}"), &value.to_string());
        }
    }

    /// The same in the words of the intake.
    pub(super) fn event(&self) -> ProviderEvent {
        let decline = RawDecline {
            decline_code: self.failure_code.clone(),
            message: self.failure_message.clone(),
            network_advice_code: self.network_advice_code.clone(),
            ..RawDecline::default()
        };
        ProviderEvent {
            id: self.event_id.clone(),
            type_name: "payment_failed".to_owned(),
            kind: EventKind::PaymentFailed,
            occurred_at: kernel::clock::to_micros(self.occurred_at),
            live_mode: None,
            refs: refs(&self.transaction_ref),
            money: Some(Money::new(self.amount, self.currency)),
            decline: (!decline.is_empty()).then_some(decline),
            method: self.payment_method.as_ref().map(ReportedMethod::facts),
            customer: self.customer.facts(),
            retry_at: None,
            tags: Tags::new(),
            further: Vec::new(),
            needs_join: false,
        }
    }
}

/// A reference in the place that its prefix says (Stripe's ids name their kind); any other is the
/// merchant's own and stands where invoices stand.
fn refs(reference: &str) -> Refs {
    let reference = Some(reference.to_owned());
    match reference.as_deref().and_then(|text| text.split_once('_')).map(|(prefix, _)| prefix) {
        Some("pi") => Refs { intent: reference, ..Refs::default() },
        Some("ch" | "py") => Refs { charge: reference, ..Refs::default() },
        Some("cs") => Refs { session: reference, ..Refs::default() },
        _ => Refs { invoice: reference, ..Refs::default() },
    }
}

impl ReportedCustomer {
    fn check(&self, check: &mut Check) {
        check.text_if("customer.name", self.name.as_deref(), 1..=TEXT_LEN_MAX);
        check.text_if("customer.external_ref", self.external_ref.as_deref(), 1..=TEXT_LEN_MAX);
        if let Some(phone) = &self.phone {
            check.parse::<crm::Phone>("customer.phone", phone);
        }
        if let Some(zone) = &self.timezone {
            check.parse::<crm::TimeZone>("customer.timezone", zone);
        }
        if let Some(locale) = &self.locale {
            check.parse::<crm::Locale>("customer.locale", locale);
        }
    }

    fn facts(&self) -> CustomerFacts {
        CustomerFacts {
            external_ref: self.external_ref.clone(),
            email: self.email.as_ref().map(|email| email.as_str().to_owned()),
            phone: self.phone.clone(),
            name: self.name.clone(),
            locale: self.locale.clone(),
            timezone: self.timezone.clone(),
        }
    }
}

impl ReportedMethod {
    fn check(&self, check: &mut Check) {
        check.text("payment_method.token", &self.token, 1..=ID_LEN_MAX);
        // A card number instead of a token must not come in; a mistyped one is none the less one.
        let bare: String = self.token.chars().filter(|letter| !(letter.is_whitespace() || *letter == '-')).collect();
        let is_number = bare.len() >= 12 && bare.bytes().all(|byte| byte.is_ascii_digit());
        let fine = !is_number && !card_number::is_in(&self.token);
        check.that(fine, "payment_method.token", "must be the gateway's token, never a card number");
        if let Some(fingerprint) = &self.fingerprint {
            check.that(!card_number::is_in(fingerprint), "payment_method.fingerprint", "must not have a card number in it");
        }
        check.text_if("payment_method.last4", self.last4.as_deref(), 4..=4);
        check.text_if("payment_method.country", self.country.as_deref(), 2..=2);
        for (field, text) in [("network", &self.network), ("funding", &self.funding), ("fingerprint", &self.fingerprint)] {
            check.text_if(&format!("payment_method.{field}"), text.as_deref(), 1..=TEXT_LEN_MAX);
        }
        check.that(self.exp_month.is_none_or(|month| (1..=12).contains(&month)), "payment_method.exp_month", "must be from 1 to 12");
        check.that(self.exp_year.is_none_or(|year| (2000..=2100).contains(&year)), "payment_method.exp_year", "must be from 2000 to 2100");
    }

    fn facts(&self) -> MethodFacts {
        MethodFacts {
            token: self.token.clone(),
            network: self.network.clone(),
            funding: self.funding.clone(),
            country: self.country.clone(),
            issuer: None,
            last4: self.last4.clone(),
            exp_month: self.exp_month,
            exp_year: self.exp_year,
            fingerprint: self.fingerprint.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_stands_where_its_prefix_says() {
        assert_eq!(refs("pi_1").intent.as_deref(), Some("pi_1"));
        assert_eq!(refs("in_1").invoice.as_deref(), Some("in_1"));
        assert_eq!(refs("order-7").obligation_key(), Some("order-7"));
    }
}
