//! What one may do here.

use kernel::Permission;
use kernel::permission::BuiltinRole;

pub const CASES_READ: Permission = Permission::new("cases:read", BuiltinRole::Viewer, "See failed payments and how they are recovered.");
pub const CASES_WRITE: Permission = Permission::new("cases:write", BuiltinRole::User, "Pause, resume and close recovery cases.");
pub const ANALYTICS_READ: Permission = Permission::new("analytics:read", BuiltinRole::Viewer, "See how much was recovered.");

pub(crate) const ALL: [Permission; 3] = [CASES_READ, CASES_WRITE, ANALYTICS_READ];
