//! What one may do with payments.

use kernel::Permission;
use kernel::permission::BuiltinRole;

pub const PAYMENTS_READ: Permission = Permission::new("payments:read", BuiltinRole::Viewer, "See payments and connections to providers.");
pub const PAYMENTS_WRITE: Permission =
    Permission::new("payments:write", BuiltinRole::Admin, "Connect payment providers and change connections.");
pub const EVENTS_WRITE: Permission = Permission::new("events:write", BuiltinRole::User, "Report failed payments.");

pub(crate) const ALL: [Permission; 3] = [PAYMENTS_READ, PAYMENTS_WRITE, EVENTS_WRITE];
