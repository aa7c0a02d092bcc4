//! The one source of chance: keys, tokens and jitter come from the operating system's generator.

use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rand::TryRng as _;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{At, Secret};

/// Bytes in a bearer secret: 256 bits, twice what ASVS 7.2.3 asks.
const TOKEN_BYTES: usize = 32;
/// Letters that 256 bits take in base 64.
const TOKEN_LEN: usize = 43;

/// `N` random bytes from the operating system.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0u8; N];
    rand::rngs::SysRng.try_fill_bytes(&mut out).expect("the operating system has randomness");
    out
}

/// A new opaque secret of 256 bits in URL-safe base 64.
pub fn token() -> Secret {
    Secret::new(BASE64_URL_SAFE_NO_PAD.encode(bytes::<TOKEN_BYTES>()))
}

/// Whether a text has the form of such a secret. What has not was never made here, and needs no look
/// into any table.
pub fn is_token(text: &str) -> bool {
    text.len() == TOKEN_LEN && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// A number in `0..bound`, evenly spread; `bound` of zero gives zero.
pub fn below(bound: u64) -> u64 {
    if bound == 0 {
        return 0;
    }
    // Rejecting the uneven rest keeps every result equally likely.
    let fair = u64::MAX - u64::MAX % bound;
    loop {
        let value = u64::from_le_bytes(bytes::<8>());
        if value < fair {
            return value % bound;
        }
    }
}

/// Bits of a UUIDv7 that count within a millisecond: the 12 of `rand_a` and the first 14 of
/// `rand_b`, the "fixed bit-length dedicated counter" of RFC 9562, 6.2. 48 random bits remain.
const COUNTER_BITS: u32 = 26;

/// A UUIDv7 of the given instant. Two of one process and one millisecond sort in the order in
/// which they were made, so that a list by age has one order even when the clock stands still.
pub fn uuid_v7(at: At) -> Uuid {
    let millis = u64::try_from(at.timestamp_millis()).unwrap_or(0);
    // One counter for all milliseconds: it turns over once in 67 million ids, and never goes back
    // because two clocks of one process take turns.
    static MADE: AtomicU32 = AtomicU32::new(0);
    let count = u128::from(MADE.fetch_add(1, Ordering::Relaxed)) & ((1 << COUNTER_BITS) - 1);
    let chance = u128::from(u64::from_le_bytes(bytes::<8>())) & 0xffff_ffff_ffff;
    let tail = (count & 0x3fff) << 48 | chance;
    let text = u128::from(millis) << 80 | 7 << 76 | (count >> 14) << 64 | 0b10 << 62 | tail;
    Uuid::from_u128(text)
}

/// SHA-256 in lower-case hex: how a bearer secret of high entropy is kept at rest.
pub fn digest(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_stays_below() {
        assert!((0..1000).all(|_| below(7) < 7));
        assert_eq!(below(0), 0);
    }

    #[test]
    fn ids_of_one_instant_sort_as_they_were_made() {
        let at = "2026-03-01T12:00:00Z".parse().expect("a valid instant");
        let ids: Vec<_> = (0..20_000).map(|_| uuid_v7(at)).collect();
        let mut sorted = ids.clone();
        sorted.sort();
        sorted.dedup();
        assert!(ids.iter().all(|id| id.get_version_num() == 7 && id.get_variant() == uuid::Variant::RFC4122));
        assert_eq!(ids, sorted);
    }

    #[test]
    fn tokens_differ_and_carry_256_bits() {
        let (a, b) = (token(), token());
        assert_ne!(a.expose(), b.expose());
        assert_eq!(a.expose().len(), TOKEN_LEN);
    }

    #[test]
    fn a_token_is_told_by_its_form() {
        let token = token();
        let token = token.expose();
        assert!(is_token(token));
        for wrong in ["", "of-nobody", &token[1..], &format!("{token}x"), &format!("{}=", &token[1..]), &format!("{}é", &token[2..])] {
            assert!(!is_token(wrong), "{wrong}");
        }
    }
}
