//! `Stripe-Signature`: who sent a webhook, and when.
//!
//! The header is `t=<unix seconds>,v1=<hex>[,v1=<hex>…]`; each `v1` is HMAC-SHA256 over
//! `<t>.<raw body>` (docs.stripe.com/webhooks/signature). While a secret rolls, Stripe signs with
//! both, and we may hold two as well. `v0` is a test scheme and proves nothing.

use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit as _, Mac as _};
use kernel::{At, Secret};
use sha2::Sha256;

use crate::provider::{SignatureFault, Verified};

/// The header's name.
pub const HEADER: &str = "stripe-signature";
/// How far the stamp may be from our clock, either way: what Stripe's own libraries allow.
const TOLERANCE_S: i64 = 300;
/// More signatures than any rotation needs; a longer header is an attack on our processor.
const SIGNATURES_MAX: usize = 16;

/// The parts of the header that count.
struct Stamp<'a> {
    /// As it stands in the header: the text is what was signed.
    at: &'a str,
    seconds: i64,
    signatures: Vec<Vec<u8>>,
}

impl<'a> Stamp<'a> {
    fn read(header: &'a str) -> Option<Self> {
        let (mut at, mut signatures) = (None, Vec::new());
        for part in header.split(',') {
            match part.trim().split_once('=')? {
                // Two stamps would let one be checked and the other be signed.
                ("t", _) if at.is_some() => return None,
                ("t", text) => at = Some(text),
                ("v1", _) if signatures.len() >= SIGNATURES_MAX => return None,
                ("v1", text) => signatures.extend(hex::decode(text).ok()),
                _ => {}
            }
        }
        let at = at?;
        Some(Self { at, seconds: at.parse().ok()?, signatures })
    }
}

/// Checks a delivery against each secret.
pub fn verify(secrets: &[Secret], headers: &HeaderMap, raw: &[u8], now: At) -> Result<Verified, SignatureFault> {
    let mut values = headers.get_all(HEADER).iter();
    let header = values.next().ok_or(SignatureFault::Missing)?.to_str().map_err(|_| SignatureFault::Malformed)?;
    if values.next().is_some() {
        return Err(SignatureFault::Malformed);
    }
    let stamp = Stamp::read(header).ok_or(SignatureFault::Malformed)?;
    if now.timestamp().abs_diff(stamp.seconds) > TOLERANCE_S.unsigned_abs() {
        return Err(SignatureFault::OutsideTolerance);
    }
    // An empty secret signs anything for everyone: it counts as none.
    let usable: Vec<&Secret> = secrets.iter().filter(|secret| !secret.expose().trim().is_empty()).collect();
    if usable.is_empty() {
        return Err(SignatureFault::NoSecret);
    }
    let signed = |secret: &Secret| stamp.signatures.iter().any(|given| mac(secret, stamp.at, raw).verify_slice(given).is_ok());
    if usable.into_iter().any(signed) { Ok(Verified::new(raw)) } else { Err(SignatureFault::Wrong) }
}

/// The header for a body, as the sandbox sends it.
pub fn sign(secret: &Secret, raw: &[u8], now: At) -> String {
    let at = now.timestamp().to_string();
    let signature = hex::encode(mac(secret, &at, raw).finalize().into_bytes());
    format!("t={at},v1={signature}")
}

/// Compared in constant time by `verify_slice`.
fn mac(secret: &Secret, at: &str, raw: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("HMAC takes a key of any length");
    mac.update(at.as_bytes());
    mac.update(b".");
    mac.update(raw);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"evt_1"}"#;

    fn now() -> At {
        "2026-11-20T08:00:00Z".parse().expect("an instant")
    }

    fn check(header: Option<&str>, secrets: &[&str], body: &[u8]) -> Result<(), SignatureFault> {
        let mut headers = HeaderMap::new();
        if let Some(text) = header {
            headers.insert(HEADER, text.parse().expect("a header"));
        }
        let secrets: Vec<Secret> = secrets.iter().map(|text| Secret::new(*text)).collect();
        verify(&secrets, &headers, body, now()).map(drop)
    }

    fn signed(secret: &str, at: At) -> String {
        sign(&Secret::new(secret), BODY, at)
    }

    #[test]
    fn the_right_secret_over_the_raw_bytes_passes() {
        assert_eq!(check(Some(&signed("whsec_a", now())), &["whsec_a"], BODY), Ok(()));
        assert_eq!(check(Some(&signed("whsec_a", now())), &["whsec_new", "whsec_a"], BODY), Ok(()), "while a secret rolls");
        let both = format!("{},v1={}", signed("whsec_x", now()), signed("whsec_a", now()).split_once("v1=").expect("a signature").1);
        assert_eq!(check(Some(&both), &["whsec_a"], BODY), Ok(()), "several v1");
    }

    #[test]
    fn anything_else_is_refused() {
        let good = signed("whsec_a", now());
        assert_eq!(check(None, &["whsec_a"], BODY), Err(SignatureFault::Missing));
        assert_eq!(check(Some(&good), &["whsec_b"], BODY), Err(SignatureFault::Wrong));
        assert_eq!(check(Some(&good), &["whsec_a"], b"{\"id\": \"evt_1\"}"), Err(SignatureFault::Wrong), "same meaning, other bytes");
        assert_eq!(check(Some(&good.replace("v1=", "v0=")), &["whsec_a"], BODY), Err(SignatureFault::Wrong), "v0 proves nothing");
        assert_eq!(check(Some(&signed("", now())), &[""], BODY), Err(SignatureFault::NoSecret));
        assert_eq!(check(Some(&signed(" ", now())), &[" "], BODY), Err(SignatureFault::NoSecret));
        for wrong in ["", "t=", "t=abc,v1=00", "v1=00", "garbage", "t=1,t=2,v1=00"] {
            assert_eq!(check(Some(wrong), &["whsec_a"], BODY), Err(SignatureFault::Malformed), "{wrong:?}");
        }
    }

    #[test]
    fn the_stamp_may_be_five_minutes_off_either_way() {
        for (off_s, fine) in [(-300, true), (300, true), (-301, false), (301, false), (86_400, false)] {
            let header = signed("whsec_a", now() + chrono::Duration::seconds(off_s));
            assert_eq!(check(Some(&header), &["whsec_a"], BODY).is_ok(), fine, "{off_s} seconds");
        }
        assert_eq!(check(Some("t=-9223372036854775808,v1=00"), &["whsec_a"], BODY), Err(SignatureFault::OutsideTolerance));
    }

    #[test]
    fn a_changed_stamp_breaks_the_signature() {
        let header = signed("whsec_a", now());
        let moved = header.replace(&now().timestamp().to_string(), &(now().timestamp() + 1).to_string());
        assert_eq!(check(Some(&moved), &["whsec_a"], BODY), Err(SignatureFault::Wrong));
    }
}
