//! The rule that an organization always has somebody who can let others in.

use super::member::Model;
use crate::roles::Role;

/// What a membership amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub role: Role,
    pub is_active: bool,
}

impl Standing {
    pub fn of(member: &Model) -> Self {
        Self { role: member.role(), is_active: member.is_active }
    }

    /// Whether this holds rights that the other one lacks, or would once its person is let in.
    pub fn is_more_than(self, other: Self) -> bool {
        self.role > other.role || (self.is_active && !other.is_active)
    }

    /// Whether this lets others in.
    pub fn governs(self) -> bool {
        self.is_active && self.role == Role::Admin
    }
}

/// Whether an active admin is left among `active_admins` when one member's standing changes, or
/// ends (`None`).
pub(super) fn leaves_an_admin(active_admins: u64, was: Standing, becomes: Option<Standing>) -> bool {
    let governs_after = becomes.is_some_and(Standing::governs);
    governs_after || active_admins > u64::from(was.governs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADMIN: Standing = Standing { role: Role::Admin, is_active: true };
    const FROZEN_ADMIN: Standing = Standing { role: Role::Admin, is_active: false };
    const USER: Standing = Standing { role: Role::User, is_active: true };
    const FROZEN_USER: Standing = Standing { role: Role::User, is_active: false };

    #[test]
    fn the_last_admin_stays_an_admin() {
        assert!(!leaves_an_admin(1, ADMIN, Some(USER)), "demoted");
        assert!(!leaves_an_admin(1, ADMIN, Some(FROZEN_ADMIN)), "frozen");
        assert!(!leaves_an_admin(1, ADMIN, None), "removed");
        assert!(leaves_an_admin(1, ADMIN, Some(ADMIN)));
    }

    #[test]
    fn one_of_two_admins_may_go() {
        assert!(leaves_an_admin(2, ADMIN, None));
        assert!(leaves_an_admin(2, ADMIN, Some(USER)));
    }

    #[test]
    fn more_is_a_higher_role_or_to_be_let_in_again() {
        assert!(ADMIN.is_more_than(USER) && USER.is_more_than(FROZEN_ADMIN) && ADMIN.is_more_than(FROZEN_ADMIN));
        assert!(!USER.is_more_than(ADMIN) && !ADMIN.is_more_than(ADMIN) && !FROZEN_USER.is_more_than(FROZEN_ADMIN));
    }

    #[test]
    fn a_higher_role_is_more_also_for_somebody_who_is_shut_out() {
        assert!(FROZEN_ADMIN.is_more_than(FROZEN_USER) && FROZEN_ADMIN.is_more_than(USER));
    }

    #[test]
    fn whoever_does_not_govern_may_always_go() {
        assert!(leaves_an_admin(1, USER, None));
        assert!(leaves_an_admin(1, FROZEN_ADMIN, None));
        assert!(leaves_an_admin(1, FROZEN_ADMIN, Some(USER)));
    }
}
