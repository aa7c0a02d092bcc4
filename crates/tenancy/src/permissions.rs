//! The permissions that this room checks.

use kernel::Permission;
use kernel::permission::BuiltinRole::{Admin, Viewer};

pub const ORG_READ: Permission = Permission::new("org:read", Viewer, "See the organization's name and address.");
pub const ORG_WRITE: Permission = Permission::new("org:write", Admin, "Change the organization's name and address.");
pub const MEMBERS_READ: Permission = Permission::new("members:read", Viewer, "See who is a member and who is invited.");
pub const MEMBERS_WRITE: Permission = Permission::new("members:write", Admin, "Invite and remove people and change their roles.");
pub const KEYS_READ: Permission = Permission::new("keys:read", Admin, "See the API keys, though never their secrets.");
pub const KEYS_WRITE: Permission = Permission::new("keys:write", Admin, "Create and revoke API keys.");
pub const AUDIT_READ: Permission = Permission::new("audit:read", Admin, "Read the audit trail.");

pub(crate) const ALL: [Permission; 7] = [ORG_READ, ORG_WRITE, MEMBERS_READ, MEMBERS_WRITE, KEYS_READ, KEYS_WRITE, AUDIT_READ];
