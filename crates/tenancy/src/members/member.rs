//! The entity and its types.

use kernel::{AccountId, At, MailAddress, MemberId};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::organizations::OrganizationView;
use crate::roles::Role;

/// A row of `memberships`. Its `version` is what cached rights are compared with.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "memberships")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub account_id: Uuid,
    pub role: String,
    pub name: String,
    pub email: String,
    pub email_normal: String,
    pub is_active: bool,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn member_id(&self) -> MemberId {
        self.id.into()
    }

    pub fn role(&self) -> Role {
        Role::stored(&self.role)
    }
}

/// The person who founds an organization, or who joins it.
#[derive(Debug, Clone)]
pub struct FirstMember {
    pub account: AccountId,
    pub name: String,
    pub email: MailAddress,
}

/// What may be changed; absent fields stay.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeMember {
    pub role: Option<Role>,
    /// `false` shuts the person out of this organization without forgetting them.
    pub is_active: Option<bool>,
}

/// A member as the others see them.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MemberView {
    pub id: MemberId,
    pub user_id: AccountId,
    pub name: String,
    pub email: String,
    pub role: Role,
    pub is_active: bool,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: At,
    pub version: i32,
}

impl From<Model> for MemberView {
    fn from(row: Model) -> Self {
        Self {
            id: row.id.into(),
            user_id: row.account_id.into(),
            role: row.role(),
            name: row.name,
            email: row.email,
            is_active: row.is_active,
            created_at: row.created_at,
            version: row.version,
        }
    }
}

/// A place that an account has in an organization, as sign-in asks for it: a fifth type, because
/// it is read before any organization is known.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MembershipView {
    pub member: MemberId,
    pub version: i32,
    pub role: Role,
    pub organization: OrganizationView,
}
