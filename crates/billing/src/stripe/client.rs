//! The HTTP side of Stripe: ten calls, form-encoded, with our own limits.

use std::time::Duration;

use kernel::Secret;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::form::Fields;
use crate::provider::{Account, IdempotencyKey, ProviderError};

/// Stripe's own address.
const BASE_URL: &str = "https://api.stripe.com";
/// The version whose shapes `parse` and `read` know best; pinned so that Stripe's changes come when we choose.
const API_VERSION: &str = "2025-03-31.basil";
/// Reading is quick; a webhook waits for it.
const TIMEOUT_READ: Duration = Duration::from_secs(5);
/// What to wait when Stripe says 429 without saying for how long.
const RETRY_AFTER_DEFAULT_S: u64 = 2;

/// The client of all accounts; keys go with each call.
#[derive(Debug)]
pub struct Client {
    /// In place of Stripe's own address, from the configuration.
    base_url: Option<String>,
}

/// A refusal that carries a document: an error object of Stripe.
#[derive(Debug)]
pub enum CallError {
    /// 402: the `error` object, with the payment intent in it.
    Card(Value),
    Other(ProviderError),
}

impl From<ProviderError> for CallError {
    fn from(error: ProviderError) -> Self {
        Self::Other(error)
    }
}

impl Client {
    pub fn new(base_url: Option<String>) -> Self {
        Self { base_url }
    }

    pub async fn get(&self, account: &Account, path: &str, query: &Fields) -> Result<Value, CallError> {
        let url = format!("{}?{}", self.url(account, path), query.encode());
        let request = Self::request(account, Method::GET, &url)?.timeout(TIMEOUT_READ);
        read(request).await
    }

    pub async fn post(&self, account: &Account, path: &str, fields: &Fields, key: &IdempotencyKey) -> Result<Value, CallError> {
        let request = Self::request(account, Method::POST, &self.url(account, path))?
            .header("content-type", "application/x-www-form-urlencoded")
            .header("idempotency-key", key.as_str())
            .body(fields.encode());
        read(request).await
    }

    fn url(&self, account: &Account, path: &str) -> String {
        let base = account.base_url.as_deref().or(self.base_url.as_deref()).unwrap_or(BASE_URL);
        format!("{}{path}", base.trim_end_matches('/'))
    }

    fn request(account: &Account, method: Method, url: &str) -> Result<reqwest::RequestBuilder, ProviderError> {
        let no_key = || ProviderError::Config("the connection has no API key".into());
        let key: &Secret = account.api_key.as_ref().filter(|key| !key.is_empty()).ok_or_else(no_key)?;
        let http = crate::http::client().map_err(ProviderError::Config)?;
        Ok(http.request(method, url).bearer_auth(key.expose()).header("stripe-version", API_VERSION))
    }
}

/// Sends, and sorts the answer by what it says about the effect.
async fn read(request: reqwest::RequestBuilder) -> Result<Value, CallError> {
    let response = request.send().await.map_err(|wrong| not_answered(&wrong))?;
    let status = response.status();
    let retry_after_s = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    let body = response.bytes().await.map_err(|wrong| not_answered(&wrong))?;
    let document: Option<Value> = serde_json::from_slice(&body).ok();
    match (status, document) {
        (status, Some(document)) if status.is_success() => Ok(document),
        (status, None) if status.is_success() => Err(ProviderError::Unknown("the answer is not JSON".into()).into()),
        (StatusCode::PAYMENT_REQUIRED, Some(document)) => Err(CallError::Card(document.get("error").cloned().unwrap_or_default())),
        (status, document) => Err(refused(status, document.as_ref(), retry_after_s).into()),
    }
}

/// Without a connection nothing was sent; after that the result is open.
fn not_answered(wrong: &reqwest::Error) -> ProviderError {
    // The address may carry ids; the kind of fault is enough.
    let why = if wrong.is_timeout() { "no answer in time" } else { "the connection broke" };
    if wrong.is_connect() { ProviderError::Unreachable("no connection".into()) } else { ProviderError::Unknown(why.into()) }
}

fn refused(status: StatusCode, document: Option<&Value>, retry_after_s: Option<u64>) -> ProviderError {
    let text = |pointer: &str| document.and_then(|document| super::document::text(document, pointer)).unwrap_or_default();
    match status {
        StatusCode::TOO_MANY_REQUESTS => ProviderError::RateLimited { retry_after_s: retry_after_s.unwrap_or(RETRY_AFTER_DEFAULT_S) },
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ProviderError::Config(format!("the provider answered {}", status.as_u16())),
        // 409: the first request with this key is still running.
        StatusCode::CONFLICT => ProviderError::Unknown("the same request is still running there".into()),
        // 408: somebody on the way gave up waiting for an answer.
        status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
            ProviderError::Unknown(format!("the provider answered {}", status.as_u16()))
        }
        _ => ProviderError::Refused { code: text("/error/code"), message: text("/error/message") },
    }
}
