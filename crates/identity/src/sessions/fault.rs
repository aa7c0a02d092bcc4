//! What can be wrong with a session.

use kernel::faults;

faults! {
    /// Faults of sessions.
    pub enum SessionFault {
        NotFound = 404 "session_not_found" "You have no such session, or it has ended.",
        RefreshRefused = 401 "refresh_token_refused" "This refresh token has expired or was used before. Sign in again.",
    }
}
