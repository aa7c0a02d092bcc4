//! What happens to organizations.

use kernel::{AccountId, Event, OrgId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An organization was founded, with its first admin.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OrganizationFounded {
    pub organization: OrgId,
    pub by: AccountId,
}

impl Event for OrganizationFounded {
    const NAME: &'static str = "tenancy.organization_founded";
    fn subject(&self) -> Uuid {
        self.organization.uuid()
    }
}

/// Its name or slug changed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OrganizationChanged {
    pub organization: OrgId,
}

impl Event for OrganizationChanged {
    const NAME: &'static str = "tenancy.organization_changed";
    fn subject(&self) -> Uuid {
        self.organization.uuid()
    }
}
