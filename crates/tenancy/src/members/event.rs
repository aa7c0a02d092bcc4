//! What happens to members.

use kernel::{AccountId, Event, MemberId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::roles::Role;

/// Somebody joined, by founding or by invitation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MemberJoined {
    pub member: MemberId,
    pub account: AccountId,
    pub role: Role,
}

impl Event for MemberJoined {
    const NAME: &'static str = "tenancy.member_joined";
    fn subject(&self) -> Uuid {
        self.member.uuid()
    }
}

/// A role changed, or somebody was shut out or let in again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MemberChanged {
    pub member: MemberId,
    pub account: AccountId,
    pub role: Role,
    pub is_active: bool,
}

impl Event for MemberChanged {
    const NAME: &'static str = "tenancy.member_changed";
    fn subject(&self) -> Uuid {
        self.member.uuid()
    }
}

/// Somebody left or was removed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MemberRemoved {
    pub member: MemberId,
    pub account: AccountId,
}

impl Event for MemberRemoved {
    const NAME: &'static str = "tenancy.member_removed";
    fn subject(&self) -> Uuid {
        self.member.uuid()
    }
}
