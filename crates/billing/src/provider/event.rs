//! What a provider tells us, in one vocabulary for all of them.

use std::collections::BTreeMap;

use kernel::{At, Money};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Our own marks on a provider's object (`metadata` at Stripe).
pub type Tags = BTreeMap<String, String>;

/// The tag that names the transaction which a checkout or charge of ours is for.
pub const TAG_TRANSACTION: &str = "autorisen_transaction";
/// The tag that names the recovery attempt behind a charge of ours.
pub const TAG_ATTEMPT: &str = "autorisen_attempt";
/// The tag that names the payment link behind a checkout of ours.
pub const TAG_LINK: &str = "autorisen_link";

/// One event of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderEvent {
    /// The provider's own id: the key against duplicates.
    pub id: String,
    /// The provider's name for its type, such as `invoice.payment_failed`.
    pub type_name: String,
    pub kind: EventKind,
    /// When it happened there; deliveries come in any order.
    pub occurred_at: At,
    /// `None` when the document does not say.
    pub live_mode: Option<bool>,
    pub refs: Refs,
    /// What is due, was paid or was refunded in all, as the kind says.
    pub money: Option<Money>,
    pub decline: Option<RawDecline>,
    pub method: Option<MethodFacts>,
    pub customer: CustomerFacts,
    /// When the provider itself will try again, if it said so.
    pub retry_at: Option<At>,
    pub tags: Tags,
    /// Further payments of the same invoice: one event may tell of several movements of money.
    #[serde(default)]
    pub further: Vec<Payment>,
    /// Set while the document leaves out what the event belongs to.
    pub needs_join: bool,
}

/// One movement of money of several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    pub refs: Refs,
    pub money: Option<Money>,
}

impl ProviderEvent {
    /// What the payment is known by: the invoice, else the intent, else what there is.
    pub fn obligation_key(&self) -> Option<&str> {
        self.refs.obligation_key()
    }

    /// Whether it tells of a payment that one of our own checkouts made, and not of the
    /// obligation itself.
    pub fn is_of_our_checkout(&self) -> bool {
        self.tags.contains_key(TAG_LINK)
    }
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    PaymentFailed,
    PaymentSucceeded,
    /// Nothing is owed any more.
    ObligationVoided,
    /// An intent was given up. Its invoice, if it has one, is owed all the same.
    IntentCanceled,
    /// `paid` is false for methods that settle later.
    CheckoutCompleted {
        paid: bool,
    },
    CheckoutExpired,
    /// A payment that was to settle later came to nothing.
    CheckoutFailed,
    /// The bank took money back for its holder.
    DisputeOpened,
    /// The money is the sum of all refunds so far.
    Refunded,
    MethodUpdated,
    /// Not among the types that we act on; kept, and ignored.
    Unknown,
}

/// The ids that a provider uses for one payment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Refs {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoice: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

impl Refs {
    /// The invoice id, else the payment intent id, else whatever names the payment.
    pub fn obligation_key(&self) -> Option<&str> {
        self.invoice.as_deref().or(self.intent.as_deref()).or(self.charge.as_deref()).or(self.session.as_deref())
    }

    /// Every id that is known.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        [&self.invoice, &self.intent, &self.charge, &self.session].into_iter().filter_map(|id| id.as_deref())
    }

    /// The id by which one movement of money is counted once: several events tell of the same.
    pub fn money_key(&self) -> Option<&str> {
        self.intent.as_deref().or(self.charge.as_deref()).or(self.invoice.as_deref()).or(self.session.as_deref())
    }

    /// Takes over what only the other knows.
    pub fn fill(&mut self, other: &Self) {
        let fill = |mine: &mut Option<String>, theirs: &Option<String>| {
            if mine.is_none() {
                mine.clone_from(theirs);
            }
        };
        fill(&mut self.invoice, &other.invoice);
        fill(&mut self.intent, &other.intent);
        fill(&mut self.charge, &other.charge);
        fill(&mut self.session, &other.session);
    }
}

/// Why a charge was declined, in the provider's and the network's own codes; recovery classifies it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct RawDecline {
    pub code: Option<String>,
    pub decline_code: Option<String>,
    pub advice_code: Option<String>,
    pub network_decline_code: Option<String>,
    pub network_advice_code: Option<String>,
    /// For staff only; a payer never reads it.
    pub message: Option<String>,
}

impl RawDecline {
    /// Whether it says anything at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What is known of a card or another way to pay. Never a card number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MethodFacts {
    pub token: String,
    pub network: Option<String>,
    pub funding: Option<String>,
    pub country: Option<String>,
    pub issuer: Option<String>,
    pub last4: Option<String>,
    pub exp_month: Option<i32>,
    pub exp_year: Option<i32>,
    pub fingerprint: Option<String>,
}

/// Who pays, as far as the event says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CustomerFacts {
    /// The provider's id, or the merchant's own reference.
    pub external_ref: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub name: Option<String>,
    pub locale: Option<String>,
    pub timezone: Option<String>,
}

impl CustomerFacts {
    /// Takes over what only the other knows.
    pub fn fill(&mut self, other: Self) {
        self.external_ref = self.external_ref.take().or(other.external_ref);
        self.email = self.email.take().or(other.email);
        self.phone = self.phone.take().or(other.phone);
        self.name = self.name.take().or(other.name);
        self.locale = self.locale.take().or(other.locale);
        self.timezone = self.timezone.take().or(other.timezone);
    }

    /// Whether there is nobody to speak of.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invoice_names_the_obligation_and_an_intent_the_money() {
        let refs = Refs { invoice: Some("in_1".into()), intent: Some("pi_1".into()), ..Refs::default() };
        assert_eq!(refs.obligation_key(), Some("in_1"));
        assert_eq!(refs.money_key(), Some("pi_1"));
        assert_eq!(refs.all().collect::<Vec<_>>(), ["in_1", "pi_1"]);
    }

    #[test]
    fn filling_never_overwrites() {
        let mut refs = Refs { intent: Some("pi_1".into()), ..Refs::default() };
        refs.fill(&Refs { intent: Some("pi_2".into()), charge: Some("ch_1".into()), ..Refs::default() });
        assert_eq!((refs.intent.as_deref(), refs.charge.as_deref()), (Some("pi_1"), Some("ch_1")));
    }
}
