//! Refusals in Stripe's shape.

use kernel::Failure;
use serde_json::{Value, json};
use store::StoreError;

/// An answer other than 200, or a fault of ours that undoes the call.
#[derive(Debug)]
pub enum Refusal {
    /// A part of the story: kept with its idempotency key, and what happened before it stays.
    Answer { status: u16, body: Value },
    /// Nothing of the call is kept.
    Broken(Failure),
}

impl Refusal {
    pub fn card(error: Value) -> Self {
        Self::Answer { status: 402, body: json!({ "error": error }) }
    }

    pub fn invalid(code: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::Answer { status: 400, body: json!({ "error": { "type": "invalid_request_error", "code": code, "message": message } }) }
    }

    pub fn missing(param: &str) -> Self {
        Self::Answer {
            status: 400,
            body: json!({ "error": {
                "type": "invalid_request_error", "code": "parameter_missing", "param": param, "message": format!("Missing required param: {param}."),
            } }),
        }
    }

    pub fn unknown(kind: &str, id: &str) -> Self {
        Self::Answer {
            status: 404,
            body: json!({ "error": {
                "type": "invalid_request_error", "code": "resource_missing", "message": format!("No such {kind}: '{id}'"),
            } }),
        }
    }

    pub fn api_error() -> Self {
        Self::Answer {
            status: 500,
            body: json!({ "error": { "type": "api_error", "message": "An error occurred on the sandbox's side." } }),
        }
    }

    pub fn rate_limited() -> Self {
        Self::Answer {
            status: 429,
            body: json!({ "error": { "type": "invalid_request_error", "code": "rate_limit", "message": "Too many requests." } }),
        }
    }

    pub fn not_an_account() -> Self {
        Self::Answer { status: 401, body: json!({ "error": { "type": "invalid_request_error", "message": "Invalid API Key provided." } }) }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Broken(failure)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Broken(error.into())
    }
}
