//! The port to payment providers: events come in, actions go out.
//!
//! A provider is an adapter behind [`Provider`]. What it receives (a signed webhook) becomes
//! [`ProviderEvent`]s, and what we want of it is an [`Action`]. Everything above this folder speaks
//! only these types, so that a second provider changes nothing but its own adapter.
//!
//! A result is never a guess: when the answer did not arrive, the error is
//! [`ProviderError::Unknown`], and only [`Provider::read_back`] may say what happened.

mod action;
mod event;
mod fault;
mod gateway;
mod names;

pub use action::{
    Action, ActionResult, Capabilities, CheckoutSession, IdempotencyKey, NewCheckout, PaymentState, PaymentStatus, ProviderError,
    ProviderRef,
};
pub use event::{
    CustomerFacts, EventKind, MethodFacts, Payment, ProviderEvent, RawDecline, Refs, TAG_ATTEMPT, TAG_LINK, TAG_TRANSACTION, Tags,
};
pub use fault::ProviderFault;
pub use gateway::{Gateway, Providers};
pub use names::{NoProvider, ProviderName};

use async_trait::async_trait;
use axum::http::HeaderMap;
use kernel::{At, Secret};

/// Whose account a call is made for. Lives only for that call; the key is never printed.
#[derive(Debug, Clone)]
pub struct Account {
    pub api_key: Option<Secret>,
    /// Overrides the provider's own address; only outside production.
    pub base_url: Option<String>,
}

/// A delivery whose signature was right: nothing else may be parsed.
#[derive(Debug)]
pub struct Verified {
    body: Vec<u8>,
}

impl Verified {
    /// For adapters, after the check has passed.
    pub(crate) fn new(body: &[u8]) -> Self {
        Self { body: body.to_vec() }
    }

    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

/// Why a delivery is not trusted. The caller learns only that it was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    #[error("no secret is set for this connection")]
    NoSecret,
    #[error("the signature header is missing")]
    Missing,
    #[error("the signature header cannot be read")]
    Malformed,
    #[error("the signature is too old or from the future")]
    OutsideTolerance,
    #[error("no signature matches")]
    Wrong,
}

/// Why a trusted delivery could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the event cannot be read: {0}")]
pub struct ParseFault(pub String);

/// An event after the adapter looked for what its document left out.
#[derive(Debug)]
pub enum Joined {
    /// Names all that it belongs to, as far as the provider knows.
    Whole(ProviderEvent),
    /// Belongs to an obligation that only the provider's API can name, and there is no key.
    NeedsApiKey(ProviderEvent),
}

/// One payment provider.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    fn capabilities(&self) -> Capabilities;

    /// Checks the signature over the raw bytes against each secret (several while one rolls).
    fn verify(&self, secrets: &[Secret], headers: &HeaderMap, raw: &[u8], now: At) -> Result<Verified, SignatureFault>;

    /// Reads a trusted delivery; one may carry several events.
    fn parse(&self, verified: &Verified) -> Result<Vec<ProviderEvent>, ParseFault>;

    /// Completes what an event belongs to, asking the provider where its document does not say.
    async fn join(&self, account: &Account, event: ProviderEvent) -> Result<Joined, ProviderError>;

    /// Does one thing, once: the same key never does it twice.
    async fn execute(&self, account: &Account, action: &Action, key: &IdempotencyKey) -> Result<ActionResult, ProviderError>;

    /// What the provider says happened to a payment.
    async fn read_back(&self, account: &Account, of: &ProviderRef) -> Result<PaymentState, ProviderError>;
}
