//! Adapters by name, and an adapter together with the account that it acts for.

use std::sync::Arc;

use kernel::{At, Secret};

use super::{
    Account, Action, ActionResult, Capabilities, IdempotencyKey, Joined, ParseFault, PaymentState, Provider, ProviderError, ProviderEvent,
    ProviderName, ProviderRef, SignatureFault, Verified,
};
use axum::http::HeaderMap;

/// The adapters of this program. The sandbox has none of its own: it speaks Stripe's language.
#[derive(Clone)]
pub struct Providers {
    stripe: Arc<dyn Provider>,
    sandbox_url: String,
    follows_rows: bool,
}

impl Providers {
    /// `sandbox_url` is where this program's own sandbox answers; `follows_rows` says whether the
    /// address that stands with a connection is used, which is for development and tests alone.
    pub fn new(stripe: Arc<dyn Provider>, sandbox_url: String, follows_rows: bool) -> Self {
        Self { stripe, sandbox_url, follows_rows }
    }

    /// Whether a connection's own address is used.
    pub(crate) fn follows_rows(&self) -> bool {
        self.follows_rows
    }

    /// Where a provider is reached, if not at the adapter's own address.
    pub(crate) fn base_url(&self, name: ProviderName) -> Option<String> {
        match name {
            ProviderName::Stripe => None,
            ProviderName::Sandbox => Some(self.sandbox_url.clone()),
        }
    }

    /// The adapter of a provider.
    pub fn of(&self, name: ProviderName) -> &Arc<dyn Provider> {
        match name {
            ProviderName::Stripe | ProviderName::Sandbox => &self.stripe,
        }
    }
}

/// An adapter with an account: what a call needs once the transaction is over. It holds secrets, so
/// it is made for one piece of work and dropped.
#[derive(Clone)]
pub struct Gateway {
    provider: Arc<dyn Provider>,
    account: Account,
    webhook_secrets: Vec<Secret>,
}

impl Gateway {
    pub(crate) fn new(provider: Arc<dyn Provider>, account: Account, webhook_secrets: Vec<Secret>) -> Self {
        Self { provider, account, webhook_secrets }
    }

    pub fn capabilities(&self) -> Capabilities {
        self.provider.capabilities()
    }

    /// Whether calls can be made at all.
    pub fn has_key(&self) -> bool {
        self.account.api_key.is_some()
    }

    /// What the sandbox signs with.
    pub(crate) fn signing_secret(&self) -> Option<&Secret> {
        self.webhook_secrets.first()
    }

    pub(crate) fn verify(&self, headers: &HeaderMap, raw: &[u8], now: At) -> Result<Verified, SignatureFault> {
        self.provider.verify(&self.webhook_secrets, headers, raw, now)
    }

    pub(crate) fn parse(&self, verified: &Verified) -> Result<Vec<ProviderEvent>, ParseFault> {
        self.provider.parse(verified)
    }

    pub(crate) async fn join(&self, event: ProviderEvent) -> Result<Joined, ProviderError> {
        self.provider.join(&self.account, event).await
    }

    /// Does one thing, once, however often it is called with the same key.
    pub async fn execute(&self, action: &Action, key: &IdempotencyKey) -> Result<ActionResult, ProviderError> {
        self.provider.execute(&self.account, action, key).await
    }

    /// What the provider says happened.
    pub async fn read_back(&self, of: &ProviderRef) -> Result<PaymentState, ProviderError> {
        self.provider.read_back(&self.account, of).await
    }
}
