//! A provider's errors as failures of ours.

use kernel::{Failure, faults};

use super::ProviderError;

faults! {
    /// What a provider may answer to something that we asked of it.
    pub enum ProviderFault {
        Declined = 402 "payment_declined" "The payment was declined.",
        Refused = 422 "provider_refused" "The payment provider refused this; the message says why.",
        Unavailable = 503 "provider_unavailable" "The payment provider does not answer. Try again in a moment.",
        KeyRejected = 503 "provider_key_rejected" "The payment provider does not accept the connection's API key.",
    }
}

/// Seconds to wait for a provider that did not answer.
const RETRY_AFTER_S: u64 = 5;

impl From<ProviderError> for Failure {
    fn from(error: ProviderError) -> Self {
        let failure = match &error {
            ProviderError::Declined(_) => Failure::new(ProviderFault::Declined),
            ProviderError::Unknown(_) | ProviderError::Unreachable(_) => {
                Failure::new(ProviderFault::Unavailable).retry_after(RETRY_AFTER_S)
            }
            ProviderError::RateLimited { retry_after_s } => Failure::new(ProviderFault::Unavailable).retry_after(*retry_after_s),
            ProviderError::Config(_) => Failure::new(ProviderFault::KeyRejected),
            ProviderError::Refused { .. } => Failure::new(ProviderFault::Refused),
        };
        failure.with_cause(error)
    }
}
