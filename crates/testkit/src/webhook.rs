//! What a payment provider does: signs the events that it sends.

use hmac::{Hmac, KeyInit as _, Mac as _};
use kernel::At;
use sha2::Sha256;

/// The value of `Stripe-Signature` for a body that is sent at an instant
/// (<https://docs.stripe.com/webhooks#verify-manually>).
pub fn stripe_signature(secret: &str, at: At, body: &str) -> String {
    let seconds = at.timestamp();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("{seconds}.{body}").as_bytes());
    format!("t={seconds},v1={}", hex::encode(mac.finalize().into_bytes()))
}
