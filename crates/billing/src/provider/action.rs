//! What we ask of a provider, and what it may answer.

use kernel::{At, AttemptId, LinkId, Money};
use serde::{Deserialize, Serialize};

use super::{Payment, RawDecline, Refs, Tags};

/// What an adapter can do. A feature asks here instead of knowing names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    pub off_session_charge: bool,
    pub checkout: bool,
    pub read_back: bool,
    pub refund: bool,
    /// Whether a failed charge is reported by webhook; otherwise it has to be polled.
    pub failure_webhooks: bool,
    pub idempotency: bool,
}

/// The name of one intention: sending it again repeats the answer, not the effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key of a recovery attempt: always this one, however often it is sent.
    pub fn of_attempt(id: AttemptId) -> Self {
        Self(format!("rc:{id}"))
    }

    /// The key of the `round`-th checkout session of a link.
    pub fn of_checkout(link: LinkId, round: u32) -> Self {
        Self(format!("lk:{link}:{round}"))
    }

    /// The key of anything else that happens once.
    pub fn of(kind: &str, id: impl std::fmt::Display) -> Self {
        Self(format!("{kind}:{id}"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// A new charge while the payer is away.
    ChargeOffSession {
        amount: Money,
        customer: Option<String>,
        payment_method: String,
        tags: Tags,
    },
    /// Confirms the same intent again; the preferred retry, since it can succeed only once.
    ConfirmExisting {
        intent: String,
        payment_method: Option<String>,
    },
    /// Pays an open invoice with the method on file.
    PayInvoice {
        invoice: String,
        payment_method: Option<String>,
    },
    CreateCheckout(NewCheckout),
    ExpireCheckout {
        session: String,
    },
    /// Gives back `amount` of what the intent or charge collected.
    Refund {
        refs: Refs,
        amount: Money,
    },
    /// Tells the provider that an invoice was paid elsewhere, so that it stops collecting.
    RecordPaid {
        invoice: String,
    },
}

/// A page of the provider where the payer pays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewCheckout {
    pub amount: Money,
    /// What the payer reads beside the amount.
    pub description: String,
    pub customer: Option<String>,
    pub email: Option<String>,
    pub success_url: String,
    pub cancel_url: String,
    pub expires_at: At,
    pub tags: Tags,
}

/// What came of an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum ActionResult {
    /// The charge was taken in; money moved only if its status says so.
    Charged(Box<PaymentState>),
    Checkout(CheckoutSession),
    CheckoutExpired,
    Refunded {
        refund: String,
    },
    Recorded,
}

/// An open page for paying.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckoutSession {
    pub id: String,
    pub url: String,
}

/// What the provider says of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentState {
    pub status: PaymentStatus,
    pub refs: Refs,
    /// What was received when it succeeded, otherwise what is due.
    pub money: Option<Money>,
    pub decline: Option<RawDecline>,
    /// The provider's token of the method that was used.
    pub payment_method: Option<String>,
    /// Further payments of the same invoice; `refs` and `money` are those of the first.
    #[serde(default)]
    pub further: Vec<Payment>,
}

impl PaymentState {
    /// Every movement of money of a payment that succeeded.
    pub fn payments(&self) -> impl Iterator<Item = Payment> + '_ {
        std::iter::once(Payment { refs: self.refs.clone(), money: self.money }).chain(self.further.iter().cloned())
    }
}

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    Succeeded,
    /// Under way at the bank; the result comes by webhook.
    Processing,
    /// The payer has to prove themselves.
    RequiresAction,
    /// Declined, or waiting for a method.
    Declined,
    /// Still open, never tried.
    Open,
    Canceled,
}

/// What can be read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum ProviderRef {
    Intent(String),
    Invoice(String),
    Session(String),
}

/// Why an action has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// The bank said no.
    #[error("declined")]
    Declined(Box<PaymentState>),
    /// The request went out and no answer came back: read back, never send with a new key.
    #[error("the result is unknown: {0}")]
    Unknown(String),
    /// Nothing was sent; the same action may be tried later.
    #[error("the provider cannot be reached: {0}")]
    Unreachable(String),
    #[error("the provider asks to slow down")]
    RateLimited { retry_after_s: u64 },
    /// The key or the connection is wrong; only people can mend it.
    #[error("the connection is not set up right: {0}")]
    Config(String),
    /// The provider understood and refused: it does not exist, or its state forbids it.
    #[error("the provider refused: {code}: {message}")]
    Refused { code: String, message: String },
}

impl ProviderError {
    /// The code by which a provider says that it knows no such object.
    pub const RESOURCE_MISSING: &'static str = "resource_missing";

    /// Whether the provider knows no such object. Any other refusal says nothing of the payment.
    pub fn is_never_heard(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code == Self::RESOURCE_MISSING)
    }
}
