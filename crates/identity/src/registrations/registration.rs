//! The entity: what somebody asked for who registered, until the link in their mail is used.

use chrono::Duration;
use sea_orm::entity::prelude::*;

use crate::passwords::About;

/// As long as a link that verifies an address: it does the same, and more.
pub(super) const LIFETIME: Duration = Duration::hours(24);

/// A row of `pending_registrations`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "pending_registrations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub email: String,
    pub email_normal: String,
    pub full_name: String,
    /// A hash that no password matches. The release before this one kept a real one here; as long as it may
    /// serve beside this one, it copies what it finds into the account that it makes.
    pub password_hash: String,
    pub org_name: String,
    pub org_slug: Option<String>,
    /// None until the mail with the token is written.
    pub token_hash: Option<String>,
    pub expires_at: DateTimeUtc,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The address, which was checked when the row was made.
    pub fn address(&self) -> Result<kernel::MailAddress, kernel::Failure> {
        self.email.parse().map_err(kernel::Failure::internal)
    }

    /// What the rules compare a password with.
    pub fn about(&self) -> About {
        let names = [Some(self.full_name.clone()), Some(self.org_name.clone()), self.org_slug.clone()];
        About { email: self.email_normal.clone(), names: names.into_iter().flatten().collect() }
    }
}
