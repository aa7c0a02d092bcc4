//! What an account may not do before it has shown that its mail address is its own: whatever
//! reaches outside (inviting people, connecting a provider) or outlives the session (keys).

use kernel::{AccountId, Failure, General, faults};
use web::Ctx;

faults! {
    /// Why an account without a verified address is refused.
    pub enum VerificationFault {
        NotVerified = 403 "account_not_verified" "Confirm your mail address first; the link is in the mail we sent you.",
    }
}

/// The person who calls, if there is one and their address is verified.
///
/// A machine is refused with `permission_denied`: it has no address, and a key that could invite
/// people or mint keys would outlive its own revocation.
pub fn verified_person(ctx: &Ctx) -> Result<AccountId, Failure> {
    let caller = ctx.caller()?;
    let account = caller.account.ok_or(General::PermissionDenied)?;
    if caller.verified { Ok(account) } else { Err(Failure::new(VerificationFault::NotVerified)) }
}
