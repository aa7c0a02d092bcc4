//! What happens to API keys.

use kernel::{AccountId, ApiKeyId, Event};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A key was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ApiKeyCreated {
    pub key: ApiKeyId,
    pub by: AccountId,
}

impl Event for ApiKeyCreated {
    const NAME: &'static str = "tenancy.api_key_created";
    fn subject(&self) -> Uuid {
        self.key.uuid()
    }
}

/// A key was revoked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ApiKeyRevoked {
    pub key: ApiKeyId,
}

impl Event for ApiKeyRevoked {
    const NAME: &'static str = "tenancy.api_key_revoked";
    fn subject(&self) -> Uuid {
        self.key.uuid()
    }
}
