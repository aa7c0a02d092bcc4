//! The one source of chance: keys, tokens and jitter come from the operating system's generator.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rand::TryRng as _;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{At, Secret};

/// Bytes in a bearer secret: 256 bits, twice what ASVS 7.2.3 asks.
const TOKEN_BYTES: usize = 32;

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

/// A UUIDv7 of the given instant.
pub fn uuid_v7(at: At) -> Uuid {
    let millis = u64::try_from(at.timestamp_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &bytes::<10>()).into_uuid()
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
    fn tokens_differ_and_carry_256_bits() {
        let (a, b) = (token(), token());
        assert_ne!(a.expose(), b.expose());
        assert_eq!(a.expose().len(), 43);
    }
}
