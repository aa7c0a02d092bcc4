//! The entity and its types.

use kernel::{AccountId, At, InvitationId, MailAddress, MemberId, Secret};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::organizations::OrganizationView;
use crate::roles::Role;

/// A row of `invitations`. The token is in the mail only; here is its digest.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "invitations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub email: String,
    pub email_normal: String,
    pub role: String,
    pub token_hash: String,
    pub invited_by: Uuid,
    pub expires_at: DateTimeUtc,
    pub accepted_at: Option<DateTimeUtc>,
    pub revoked_at: Option<DateTimeUtc>,
    /// Set while whoever invited is frozen: the link opens nothing, and opens again when they are let in.
    pub frozen_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}

/// Where an invitation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum InvitationState {
    Pending,
    Accepted,
    Revoked,
    Expired,
    /// Opens nothing as long as whoever invited is frozen.
    Frozen,
}

impl Model {
    /// Where it stands at `now`. An invitation that was accepted stays so after its expiry.
    pub fn state(&self, now: At) -> InvitationState {
        match (self.accepted_at, self.revoked_at) {
            (Some(_), _) => InvitationState::Accepted,
            (None, Some(_)) => InvitationState::Revoked,
            (None, None) if self.expires_at <= now => InvitationState::Expired,
            (None, None) if self.frozen_at.is_some() => InvitationState::Frozen,
            (None, None) => InvitationState::Pending,
        }
    }

    pub fn role(&self) -> Role {
        Role::stored(&self.role)
    }
}

/// Whom to invite, and as what.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInvitation {
    pub email: MailAddress,
    pub role: Role,
}

/// What the mail carries back.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptInvitation {
    pub token: Secret,
}

/// An invitation as the members see it; the token is in no answer.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct InvitationView {
    pub id: InvitationId,
    pub email: String,
    pub role: Role,
    pub state: InvitationState,
    pub invited_by: AccountId,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: At,
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: At,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub accepted_at: Option<At>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<At>,
}

impl InvitationView {
    pub fn at(now: At, row: Model) -> Self {
        Self {
            id: row.id.into(),
            role: row.role(),
            state: row.state(now),
            email: row.email,
            invited_by: row.invited_by.into(),
            created_at: row.created_at,
            expires_at: row.expires_at,
            accepted_at: row.accepted_at,
            revoked_at: row.revoked_at,
        }
    }
}

/// What accepting leads to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AcceptedView {
    pub member_id: MemberId,
    pub role: Role,
    pub organization: OrganizationView,
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Duration;

    fn invited(at: At) -> Model {
        Model {
            id: Uuid::nil(),
            org_id: Uuid::nil(),
            email: "ann@x.io".into(),
            email_normal: "ann@x.io".into(),
            role: "user".into(),
            token_hash: String::new(),
            invited_by: Uuid::nil(),
            expires_at: at + Duration::hours(48),
            accepted_at: None,
            revoked_at: None,
            frozen_at: None,
            created_at: at,
            updated_at: at,
            version: 1,
        }
    }

    #[test]
    fn an_invitation_ends_at_its_expiry_and_not_before() {
        let at = At::UNIX_EPOCH;
        let open = invited(at);
        assert_eq!(open.state(open.expires_at - Duration::microseconds(1)), InvitationState::Pending);
        assert_eq!(open.state(open.expires_at), InvitationState::Expired);
        let accepted = Model { accepted_at: Some(at), ..open.clone() };
        assert_eq!(accepted.state(open.expires_at), InvitationState::Accepted);
        let revoked = Model { revoked_at: Some(at), ..open };
        assert_eq!(revoked.state(at), InvitationState::Revoked);
    }

    #[test]
    fn a_frozen_invitation_says_so_until_it_ends() {
        let frozen = Model { frozen_at: Some(At::UNIX_EPOCH), ..invited(At::UNIX_EPOCH) };
        assert_eq!(frozen.state(At::UNIX_EPOCH), InvitationState::Frozen);
        assert_eq!(frozen.state(frozen.expires_at), InvitationState::Expired);
        let revoked = Model { revoked_at: Some(At::UNIX_EPOCH), ..frozen };
        assert_eq!(revoked.state(At::UNIX_EPOCH), InvitationState::Revoked);
    }
}
