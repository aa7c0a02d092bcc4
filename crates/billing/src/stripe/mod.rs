//! Stripe, behind the provider port. Of its own: how Stripe signs, how its documents read in two
//! shapes of its API, how its minor units differ, and a thin client for the calls that we make.
//!
//! The sandbox speaks the same language, so this adapter is its only client as well.

mod actions;
mod amount;
mod client;
mod document;
mod form;
mod parse;
mod payments;
mod read;
mod signature;

pub use amount::{from_stripe, to_stripe};
pub use signature::{HEADER as SIGNATURE_HEADER, sign};

use async_trait::async_trait;
use axum::http::HeaderMap;
use kernel::{At, Secret};

use crate::provider::{
    Account, Action, ActionResult, Capabilities, IdempotencyKey, Joined, ParseFault, PaymentState, Provider, ProviderError, ProviderEvent,
    ProviderRef, SignatureFault, Verified,
};

/// The adapter; one serves all connections.
#[derive(Debug)]
pub struct Stripe {
    client: client::Client,
}

impl Stripe {
    /// `base_url` stands in for Stripe's own address.
    pub fn new(base_url: Option<String>) -> Self {
        Self { client: client::Client::new(base_url) }
    }
}

#[async_trait]
impl Provider for Stripe {
    fn capabilities(&self) -> Capabilities {
        Capabilities { off_session_charge: true, checkout: true, read_back: true, refund: true, failure_webhooks: true, idempotency: true }
    }

    fn verify(&self, secrets: &[Secret], headers: &HeaderMap, raw: &[u8], now: At) -> Result<Verified, SignatureFault> {
        signature::verify(secrets, headers, raw, now)
    }

    fn parse(&self, verified: &Verified) -> Result<Vec<ProviderEvent>, ParseFault> {
        parse::parse(verified).map(|event| vec![event])
    }

    async fn join(&self, account: &Account, event: ProviderEvent) -> Result<Joined, ProviderError> {
        read::join(self, account, event).await
    }

    async fn execute(&self, account: &Account, action: &Action, key: &IdempotencyKey) -> Result<ActionResult, ProviderError> {
        actions::execute(self, account, action, key).await
    }

    async fn read_back(&self, account: &Account, of: &ProviderRef) -> Result<PaymentState, ProviderError> {
        read::read_back(self, account, of).await
    }
}
