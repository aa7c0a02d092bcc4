//! The entity and its types.

use kernel::{AccountId, ApiKeyId, At};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A row of `api_keys`. The key itself is kept nowhere; here is its digest.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub name: String,
    pub prefix: String,
    pub key_hash: String,
    pub scopes: Json,
    pub created_by: Uuid,
    pub expires_at: Option<DateTimeUtc>,
    pub last_used_at: Option<DateTimeUtc>,
    pub revoked_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}

/// The permission codes of a stored list.
pub(super) fn codes(scopes: &Json) -> Vec<String> {
    scopes.as_array().into_iter().flatten().filter_map(|code| code.as_str().map(ToOwned::to_owned)).collect()
}

/// What a new key may do, and until when.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    /// What it is for, 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Permission codes such as `customers:read`, none of which its maker lacks.
    #[schema(min_items = 1, max_items = 100)]
    pub scopes: Vec<String>,
    /// Never when absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<At>,
}

/// A key as lists show it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ApiKeyView {
    pub id: ApiKeyId,
    pub name: String,
    /// The beginning of the key, to tell it from others.
    #[schema(example = "ak_1a2b3c4d")]
    pub prefix: String,
    pub scopes: Vec<String>,
    pub created_by: AccountId,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: At,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<At>,
    /// To the minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used_at: Option<At>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<At>,
}

impl From<Model> for ApiKeyView {
    fn from(row: Model) -> Self {
        Self {
            id: row.id.into(),
            scopes: codes(&row.scopes),
            name: row.name,
            prefix: row.prefix,
            created_by: row.created_by.into(),
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
            revoked_at: row.revoked_at,
        }
    }
}

/// The one answer that carries the key itself.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct NewApiKeyView {
    #[serde(flatten)]
    pub about: ApiKeyView,
    /// Keep it: it is shown this once.
    pub key: String,
}
