//! What can be wrong with a proof or a password.

use kernel::faults;

faults! {
    /// Faults of tokens that were sent by mail.
    pub enum ProofFault {
        TokenRefused = 422 "proof_token_refused" "This link has expired or was used before. Ask for a new one.",
    }
}

faults! {
    /// Faults of changing a password.
    pub enum PasswordFault {
        CurrentWrong = 403 "current_password_wrong" "The current password is not right; nothing was changed.",
    }
}
