//! What happens to payments. Emitted in the transaction that changes them, so that what must be
//! true together (money arrives, all that was planned is cancelled) is.

use kernel::{At, CustomerId, Event, LinkId, Money, PaymentMethodId, TransactionId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::provider::RawDecline;

/// How money found its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// A charge of ours while the payer was away.
    Retry,
    /// The payer, through a link of ours.
    Link,
    /// The provider's own doing, or the payer at the provider.
    Provider,
    /// Somebody said so.
    Manual,
}

impl Via {
    /// As it is stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Link => "link",
            Self::Provider => "provider",
            Self::Manual => "manual",
        }
    }
}

/// A charge was declined and the obligation is still owed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PaymentFailed {
    pub transaction: TransactionId,
    pub customer: Option<CustomerId>,
    /// What is still owed.
    pub amount: Money,
    pub failed_at: At,
    /// Whether it is the first failure of this obligation.
    pub is_first: bool,
}

/// A failure was told after all was over, and it was earlier than the first that was known: what counts
/// from the first failure begins with it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EarlierFailureTold {
    pub transaction: TransactionId,
    pub failed_at: At,
    pub decline: RawDecline,
}

/// Money arrived. Once for each movement of money, however many events tell of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PaymentReceived {
    pub transaction: TransactionId,
    pub receipt: Uuid,
    pub customer: Option<CustomerId>,
    pub amount: Money,
    /// The part that pays the obligation; the rest is given back.
    pub counted: Money,
    pub via: Via,
    /// Whether the obligation was met, or was no longer one, before this money came.
    pub is_second: bool,
    /// Whether nothing is owed any more.
    pub is_paid: bool,
    pub received_at: At,
    /// The recovery attempt behind it, as tagged at the provider.
    pub attempt: Option<String>,
    /// The link behind it, as tagged at the provider.
    pub link: Option<LinkId>,
}

/// More arrived than was owed: it is given back, and somebody should know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SurplusReceived {
    pub transaction: TransactionId,
    pub receipt: Uuid,
    pub surplus: Money,
}

/// Why a person has to look at a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Attention {
    /// Money arrived in another currency than is owed. It is never added to what was paid.
    PaidInOtherCurrency,
    /// A failure or a refund was told in another currency than the payment's.
    ToldInOtherCurrency,
    /// More arrived than was owed, and we cannot give it back: somebody has to.
    RefundByHand,
    /// The provider tells of a refund that is larger than what had arrived.
    RefundTooLarge,
}

impl Attention {
    pub const ALL: [Self; 4] = [Self::PaidInOtherCurrency, Self::ToldInOtherCurrency, Self::RefundByHand, Self::RefundTooLarge];

    /// As it is stored and sent.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PaidInOtherCurrency => "paid_in_other_currency",
            Self::ToldInOtherCurrency => "told_in_other_currency",
            Self::RefundByHand => "refund_by_hand",
            Self::RefundTooLarge => "refund_too_large",
        }
    }
}

/// A person has to look at a payment. Told once for each `about`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AttentionNeeded {
    pub transaction: TransactionId,
    pub kind: Attention,
    /// What it is about: the movement of money, the receipt or the event.
    pub about: String,
    /// One sentence for people.
    pub text: String,
}

/// What a person had to look at is over.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AttentionEnded {
    pub transaction: TransactionId,
    pub kind: Attention,
    pub about: String,
}

/// A payment that only callers had told us of belongs to a connection now: it can be charged.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TransactionConnected {
    pub transaction: TransactionId,
}

/// Money that had been counted went back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PaymentRefunded {
    pub transaction: TransactionId,
    /// What went back this time.
    pub amount: Money,
    /// Whether all that was counted has now gone back.
    pub in_full: bool,
}

/// Nothing is owed any more, though nothing was paid.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ObligationVoided {
    pub transaction: TransactionId,
}

/// The payer's bank took money back that had been counted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PaymentDisputed {
    pub transaction: TransactionId,
}

/// A payer is about to pay; again, with a later end, when their payment takes days to settle. Heard before the provider is called: a listener that fails refuses the
/// checkout.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckoutOpened {
    pub transaction: TransactionId,
    pub link: LinkId,
    /// When the payer's time ends.
    pub expires_at: At,
}

/// The payer went away, or the provider's page could not be opened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckoutExpired {
    pub transaction: TransactionId,
    pub link: LinkId,
}

/// A way to pay has new data.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MethodUpdated {
    pub method: PaymentMethodId,
    pub customer: Option<CustomerId>,
}

/// Events whose subject is a transaction.
macro_rules! of_transaction {
    ($($event:ident = $name:literal),* $(,)?) => {$(
        impl Event for $event {
            const NAME: &'static str = $name;
            fn subject(&self) -> Uuid {
                self.transaction.uuid()
            }
        }
    )*};
}

of_transaction! {
    PaymentFailed = "billing.payment_failed",
    EarlierFailureTold = "billing.earlier_failure_told",
    PaymentReceived = "billing.payment_received",
    SurplusReceived = "billing.surplus_received",
    AttentionNeeded = "billing.attention_needed",
    AttentionEnded = "billing.attention_ended",
    TransactionConnected = "billing.transaction_connected",
    PaymentRefunded = "billing.payment_refunded",
    ObligationVoided = "billing.obligation_voided",
    PaymentDisputed = "billing.payment_disputed",
    CheckoutOpened = "billing.checkout_opened",
    CheckoutExpired = "billing.checkout_expired",
}

impl Event for MethodUpdated {
    const NAME: &'static str = "billing.method_updated";
    fn subject(&self) -> Uuid {
        self.method.uuid()
    }
}
