//! What can be wrong with an invitation.

use kernel::faults;

faults! {
    /// Faults of invitations.
    pub enum InvitationFault {
        NotFound = 404 "invitation_not_found" "There is no such invitation, or it was withdrawn. Ask for a new one.",
        OtherAddress = 403 "invitation_other_address" "This invitation is for another mail address. Sign in with the address that it was sent to.",
        AlreadyPending = 409 "invitation_already_pending" "This address is invited already. Revoke that invitation to send a new one.",
        AlreadyMember = 409 "invitation_already_member" "This person is a member already.",
        AlreadyAccepted = 409 "invitation_already_accepted" "This invitation was accepted already.",
        Expired = 410 "invitation_expired" "This invitation has expired. Ask for a new one.",
    }
}
