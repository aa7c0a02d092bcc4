//! Permissions: what a role or a key may do, as `room:verb`.

/// One right. Declared as a constant by the room that checks it, and registered there, so that a
/// walk can ask whether each is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Permission {
    /// `customers:write`
    pub code: &'static str,
    /// One sentence for the console.
    pub describe: &'static str,
    /// The lowest built-in role that has it.
    pub from_role: BuiltinRole,
}

/// The three roles that every organization has. Each holds all that the ones before it hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BuiltinRole {
    /// Reads.
    Viewer,
    /// Reads and does the daily work.
    User,
    /// Everything.
    Admin,
}

impl BuiltinRole {
    pub const ALL: [Self; 3] = [Self::Viewer, Self::User, Self::Admin];

    /// The wire name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::User => "user",
            Self::Admin => "admin",
        }
    }

    /// Reads a wire name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// Whether this role holds the permission.
    pub fn has(self, permission: Permission) -> bool {
        self >= permission.from_role
    }
}

impl Permission {
    /// Declares a permission.
    pub const fn new(code: &'static str, from_role: BuiltinRole, describe: &'static str) -> Self {
        Self { code, describe, from_role }
    }
}
