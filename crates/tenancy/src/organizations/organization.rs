//! The entity and its types.

use kernel::{At, OrgId};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A row of `organizations`; `org_id` equals `id`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "organizations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub name: String,
    pub slug: String,
    pub slug_normal: String,
    pub is_active: bool,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}

/// What founding takes.
#[derive(Debug, Clone)]
pub struct NewOrganization {
    /// 1 to 200 characters.
    pub name: String,
    /// Made from the name when absent.
    pub slug: Option<String>,
    /// Whether another slug like the given one will do when that is taken.
    pub may_vary: bool,
}

/// What may be changed afterwards; absent fields stay.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeOrganization {
    /// 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    pub name: Option<String>,
    /// 3 to 63 of a-z, 0-9 and single hyphens.
    #[schema(min_length = 3, max_length = 63, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$")]
    pub slug: Option<String>,
}

/// An organization as its members see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OrganizationView {
    pub id: OrgId,
    pub name: String,
    pub slug: String,
    pub is_active: bool,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: At,
}

impl From<Model> for OrganizationView {
    fn from(row: Model) -> Self {
        Self { id: row.id.into(), name: row.name, slug: row.slug, is_active: row.is_active, created_at: row.created_at }
    }
}
