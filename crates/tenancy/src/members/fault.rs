//! What can be wrong with a member.

use kernel::faults;

faults! {
    /// Faults of members.
    pub enum MemberFault {
        NotFound = 404 "member_not_found" "There is no such member in your organization.",
        RoleNotYours = 403 "member_role_not_yours" "Nobody gives more rights than they have; a key has its scopes.",
        LastAdmin = 409 "member_last_admin" "This is the last active admin. Make someone else an admin first.",
    }
}
