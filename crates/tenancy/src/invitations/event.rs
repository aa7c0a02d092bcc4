//! What happens to invitations.

use kernel::{AccountId, Event, InvitationId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::roles::Role;

/// Somebody was invited.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MemberInvited {
    pub invitation: InvitationId,
    pub role: Role,
    pub by: AccountId,
}

impl Event for MemberInvited {
    const NAME: &'static str = "tenancy.member_invited";
    fn subject(&self) -> Uuid {
        self.invitation.uuid()
    }
}

/// An invitation was withdrawn.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InvitationRevoked {
    pub invitation: InvitationId,
}

impl Event for InvitationRevoked {
    const NAME: &'static str = "tenancy.invitation_revoked";
    fn subject(&self) -> Uuid {
        self.invitation.uuid()
    }
}

/// An invitation was accepted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InvitationAccepted {
    pub invitation: InvitationId,
    pub account: AccountId,
}

impl Event for InvitationAccepted {
    const NAME: &'static str = "tenancy.invitation_accepted";
    fn subject(&self) -> Uuid {
        self.invitation.uuid()
    }
}
