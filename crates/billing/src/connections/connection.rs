//! The entity and its types.

use host::Core;
use kernel::{At, ConnectionId, Secret};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A row of `payment_connections`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payment_connections")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub provider: String,
    pub name: String,
    pub mode: String,
    /// Sealed.
    pub api_key: Option<String>,
    pub api_key_hash: Option<String>,
    /// Sealed.
    pub webhook_secret: String,
    /// Sealed; holds until the instant beside it.
    pub webhook_secret_before: Option<String>,
    pub webhook_secret_before_until: Option<DateTimeUtc>,
    pub base_url: Option<String>,
    pub is_active: bool,
    pub removed_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn connection_id(&self) -> ConnectionId {
        self.id.into()
    }

    pub fn is_live(&self) -> bool {
        self.mode == Mode::Live.name()
    }

    /// Where the provider sends its events.
    pub fn webhook_url(&self, core: &Core) -> String {
        format!("{}/v1/webhooks/{}/{}", core.public_url, self.provider, self.connection_id())
    }
}

/// Whether real money moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Live,
    Test,
}

impl Mode {
    /// As it is stored and sent.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }

    /// What a key says of itself; Stripe's carry it in their prefix.
    pub fn of_key(key: &str) -> Option<Self> {
        let after_kind = key.strip_prefix("sk_").or_else(|| key.strip_prefix("rk_"))?;
        match after_kind.split('_').next()? {
            "live" => Some(Self::Live),
            "test" => Some(Self::Test),
            _ => None,
        }
    }
}

/// What connecting takes.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPaymentConnection)]
pub struct NewConnection {
    /// `stripe`, or `sandbox` outside production.
    #[schema(example = "stripe")]
    pub provider: String,
    /// For people; the provider's name when absent.
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// Without a key events are received, and nothing can be charged, read back or refunded.
    pub api_key: Option<Secret>,
    /// What the provider signs its events with. The sandbox makes its own when absent.
    pub webhook_secret: Option<Secret>,
    /// In place of the provider's own address; refused outside development and tests.
    pub base_url: Option<String>,
    /// `live` unless the key says otherwise.
    pub mode: Option<Mode>,
}

/// What may be changed; absent fields stay.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChangePaymentConnection)]
pub struct ChangeConnection {
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    pub api_key: Option<Secret>,
    /// The secret before holds for another day, so that what is under way arrives.
    pub webhook_secret: Option<Secret>,
    pub base_url: Option<String>,
    pub mode: Option<Mode>,
    /// An inactive connection answers its webhooks with 404, and nothing is charged through it.
    pub is_active: Option<bool>,
    /// The version that was read; 409 when the row has moved on.
    pub version: Option<i32>,
}

/// A connection as its organization sees it: without its secrets.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PaymentConnectionView)]
pub struct ConnectionView {
    pub id: ConnectionId,
    pub provider: String,
    pub name: String,
    #[schema(value_type = Mode)]
    pub mode: String,
    /// Enter this at the provider as the address for events.
    pub webhook_url: String,
    pub has_api_key: bool,
    pub base_url: Option<String>,
    pub is_active: bool,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: At,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: At,
    pub version: i32,
}

impl ConnectionView {
    pub fn of(core: &Core, row: Model) -> Self {
        Self {
            id: row.connection_id(),
            webhook_url: row.webhook_url(core),
            has_api_key: row.api_key.is_some(),
            provider: row.provider,
            name: row.name,
            mode: row.mode,
            base_url: row.base_url,
            is_active: row.is_active,
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_its_mode() {
        assert_eq!(Mode::of_key("sk_test_abc"), Some(Mode::Test));
        assert_eq!(Mode::of_key("rk_live_abc"), Some(Mode::Live));
        assert_eq!(Mode::of_key("whatever"), None);
    }
}
