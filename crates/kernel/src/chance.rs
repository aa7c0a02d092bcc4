//! The one source of chance: keys, tokens and jitter come from the operating system's generator.

use std::sync::{Mutex, PoisonError};

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

/// Bits of the number of milliseconds that are counted for at the same time. One clock needs one
/// millisecond; transactions that began at different ones, and the clocks of many applications in one
/// process, as in tests, take turns and seldom share a place.
const PLACE_BITS: u32 = 12;
const COUNTED: usize = 1 << PLACE_BITS;

/// The milliseconds that ids were last made for, and the counter of each.
static MADE: [Mutex<(u64, u32)>; COUNTED] = [const { Mutex::new((u64::MAX, 0)) }; COUNTED];

/// A UUIDv7 of the given instant. Two of one process and one millisecond sort in the order in
/// which they were made, so that a list by age has one order even when the clock stands still. Each
/// millisecond counts from another number, so that an id tells nobody how many others there are.
///
/// The order holds while no id of a millisecond in the same place comes in between. The nearest such is
/// 2,584 milliseconds away: in a transaction that is older than that, an id may sort before earlier ones.
pub fn uuid_v7(at: At) -> Uuid {
    let millis = u64::try_from(at.timestamp_millis()).unwrap_or(0);
    let count = u128::from(counted(millis));
    let chance = u128::from(u64::from_le_bytes(bytes::<8>())) & 0xffff_ffff_ffff;
    let tail = (count & 0x3fff) << 48 | chance;
    let text = u128::from(millis) << 80 | 7 << 76 | (count >> 14) << 64 | 0b10 << 62 | tail;
    Uuid::from_u128(text)
}

/// Fibonacci hashing: neighbours fall far apart, and none closer than the eighteenth Fibonacci number together.
fn place(millis: u64) -> usize {
    usize::try_from(millis.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - PLACE_BITS)).expect("twelve bits fit")
}

fn counted(millis: u64) -> u32 {
    let mut made = MADE[place(millis)].lock().unwrap_or_else(PoisonError::into_inner);
    *made = match *made {
        (of, last) if of == millis => (of, (last + 1) & ((1 << COUNTER_BITS) - 1)),
        // The upper half stays free to count in: 33 million ids of one millisecond.
        _ => (millis, u32::from_le_bytes(bytes::<4>()) >> (33 - COUNTER_BITS)),
    };
    made.1
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
    fn milliseconds_that_share_a_place_are_more_than_two_and_a_half_seconds_apart() {
        for first in (0..2000).map(|n| 1_772_000_000_000 + n * 7919) {
            assert!((1..2584).all(|apart| place(first + apart) != place(first)), "{first}");
        }
    }

    #[test]
    fn an_id_does_not_tell_how_many_there_are() {
        let at = |millis: i64| At::from_timestamp_millis(1_772_000_000_000 + millis).expect("a valid instant");
        let counter = |id: Uuid| (id.as_u128() >> 64 & 0xfff) << 14 | (id.as_u128() >> 48 & 0x3fff);
        let steps: Vec<_> = (1..200).map(|millis| counter(uuid_v7(at(millis))).abs_diff(counter(uuid_v7(at(millis - 1))))).collect();
        assert!(steps.iter().filter(|step| **step > 1000).count() > 150, "{steps:?}");
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
