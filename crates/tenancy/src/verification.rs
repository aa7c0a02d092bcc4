//! What a session alone does not allow. Before an account has shown that its mail address is its own:
//! whatever reaches outside (inviting people, connecting a provider) or outlives the session (keys).
//! And in a browser, without a fresh proof: what outlives the session.

use chrono::Duration;
use kernel::{AccountId, Failure, General, faults};
use web::{Ctx, Via};

/// How long a shown password counts (ASVS 7.5.3): long enough for a form, too short for whoever
/// finds a browser that was left open.
const PROOF_LIFETIME: Duration = Duration::minutes(15);
/// The page that asks for the password once more.
pub const CONFIRM_PAGE: &str = "/confirm";

faults! {
    /// Why an account without a verified address, or without a fresh proof, is refused.
    pub enum VerificationFault {
        NotVerified = 403 "account_not_verified" "Confirm your mail address first; the link is in the mail we sent you.",
        ProofNeeded = 403 "fresh_proof_needed" "Show your password once more first: it was too long ago.",
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

/// The same, and in a browser the password was shown within the last quarter of an hour.
pub fn proven_person(ctx: &Ctx) -> Result<AccountId, Failure> {
    let account = verified_person(ctx)?;
    if is_proven(ctx) { Ok(account) } else { Err(Failure::new(VerificationFault::ProofNeeded)) }
}

/// Whether [`proven_person`] would be content; for showing or hiding a form.
pub fn is_proven(ctx: &Ctx) -> bool {
    let Some(caller) = ctx.somebody() else { return false };
    let now = ctx.core().clock.now_secure();
    caller.via != Via::Cookie || caller.proven_at.is_some_and(|at| now - at < PROOF_LIFETIME)
}
