//! What can be wrong with an account.

use kernel::faults;

faults! {
    /// Faults of accounts.
    pub enum AccountFault {
        EmailTaken = 409 "account_email_taken" "There is an account with this address already. Sign in, or reset the password.",
        RegistrationClosed = 403 "registration_closed" "Registration is closed here.",
        RegistrationByInvitation = 403 "registration_by_invitation" "Registration is by invitation only. Ask an admin of your organization to invite you.",
    }
}
