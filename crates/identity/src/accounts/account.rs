//! The entity and its types.

use kernel::{AccountId, At, MailAddress, OrgId, Secret};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use tenancy::{MembershipView, Role};
use utoipa::ToSchema;

/// The longest name of a person: as long as an organization's.
pub const NAME_LEN_MAX: usize = 200;

/// A row of `accounts`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "accounts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub email: String,
    pub email_normal: String,
    pub full_name: String,
    pub password_hash: String,
    pub password_changed_at: DateTimeUtc,
    pub email_verified_at: Option<DateTimeUtc>,
    /// `false` while the account is frozen: every way in is shut.
    pub is_active: bool,
    /// Where a sign-in leads when several organizations are possible.
    pub default_org: Option<Uuid>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn account_id(&self) -> AccountId {
        self.id.into()
    }

    /// The address, which was checked when the row was made.
    pub fn address(&self) -> Result<MailAddress, kernel::Failure> {
        self.email.parse().map_err(kernel::Failure::internal)
    }
}

/// What registering takes.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Register {
    pub email: MailAddress,
    /// At least 12 characters unless configured otherwise; a short sentence is best. Required in the mode
    /// `immediate`. In the mode `mail_first` it is chosen with the link in the mail, and one that is sent
    /// here is neither looked at nor kept.
    pub password: Option<Secret>,
    #[schema(min_length = 1, max_length = 200)]
    pub full_name: String,
    #[schema(min_length = 1, max_length = 200)]
    pub org_name: String,
    /// 3 to 63 of a-z, 0-9 and single hyphens; made from the name when absent.
    pub org_slug: Option<String>,
}

/// What a person may change about themselves.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeMe {
    #[schema(min_length = 1, max_length = 200)]
    pub full_name: Option<String>,
}

/// A person as they see themselves.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UserView {
    pub id: AccountId,
    pub email: String,
    pub full_name: String,
    /// In the organization of this session.
    pub role: Option<Role>,
    pub is_active: bool,
    pub org_id: Option<OrgId>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub email_verified_at: Option<At>,
}

impl UserView {
    pub(crate) fn of(account: &Model, place: Option<&MembershipView>) -> Self {
        Self {
            id: account.account_id(),
            email: account.email.clone(),
            full_name: account.full_name.clone(),
            role: place.map(|place| place.role),
            is_active: account.is_active,
            org_id: place.map(|place| place.organization.id),
            email_verified_at: account.email_verified_at,
        }
    }
}

/// The organization that a session acts in, in short.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PlaceView {
    pub id: OrgId,
    pub name: String,
    pub slug: String,
    pub is_active: bool,
}

impl From<&MembershipView> for PlaceView {
    fn from(place: &MembershipView) -> Self {
        let organization = &place.organization;
        Self { id: organization.id, name: organization.name.clone(), slug: organization.slug.clone(), is_active: organization.is_active }
    }
}

/// A person, and what they may do here.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MeView {
    #[serde(flatten)]
    pub user: UserView,
    pub organization: Option<PlaceView>,
    /// Codes of permissions, such as `customers:write`.
    pub permissions: Vec<String>,
}
