//! Roles: what a member may do, as a name for a set of permissions.

use std::collections::BTreeSet;
use std::fmt;

use host::Registry;
use kernel::Failure;
use kernel::permission::BuiltinRole;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::Ctx;

/// One of the roles that every organization has; each holds all that the ones before it hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Reads and does the daily work.
    User,
    /// Everything.
    Admin,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Viewer, Self::User, Self::Admin];

    /// The name on the wire and at rest.
    pub const fn name(self) -> &'static str {
        self.builtin().name()
    }

    const fn builtin(self) -> BuiltinRole {
        match self {
            Self::Viewer => BuiltinRole::Viewer,
            Self::User => BuiltinRole::User,
            Self::Admin => BuiltinRole::Admin,
        }
    }

    /// Reads a name at rest. An unknown one is the role that may least: a row that a newer version
    /// wrote must never read as more than it is.
    pub(crate) fn stored(name: &str) -> Self {
        Self::ALL.into_iter().find(|role| role.name() == name).unwrap_or(Self::Viewer)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The codes of every registered permission that a role holds; an unknown role holds none.
pub fn rights_of(role: &str, registry: &Registry) -> BTreeSet<String> {
    let Some(role) = BuiltinRole::parse(role) else { return BTreeSet::new() };
    registry.all_permissions().iter().filter(|permission| role.has(**permission)).map(|permission| permission.code.to_owned()).collect()
}

/// The roles that the caller may give: those which hold nothing that the caller lacks.
pub(crate) fn gives(ctx: &Ctx) -> Result<Vec<Role>, Failure> {
    let (registry, caller) = (&ctx.core().registry, ctx.caller()?);
    Ok(Role::ALL.into_iter().filter(|role| rights_of(role.name(), registry).is_subset(&caller.rights)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_reads_back_and_an_unknown_one_may_least() {
        for role in Role::ALL {
            assert_eq!(Role::stored(role.name()), role);
        }
        assert_eq!(Role::stored("owner"), Role::Viewer);
    }
}
