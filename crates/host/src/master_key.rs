//! The master key: from the settings, or in development from a file that is made on first use.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use store::{MasterKey, StoreError};

use crate::settings::SecurityConfig;

/// 256 bits, what XChaCha20-Poly1305 and HKDF-SHA-256 take.
const KEY_BYTES: usize = 32;
/// In the data folder.
const FILE: &str = "master.key";

/// Reads 32 bytes in hex or base 64.
pub(crate) fn parse(text: &str) -> Result<[u8; KEY_BYTES], &'static str> {
    let text = text.trim();
    let bytes = hex::decode(text)
        .or_else(|_| BASE64_STANDARD.decode(text))
        .or_else(|_| BASE64_URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')))
        .map_err(|_| "expected 32 bytes in hex or base 64")?;
    let key: [u8; KEY_BYTES] = bytes.try_into().map_err(|_| "expected 32 bytes in hex or base 64")?;
    // A key of one repeated byte was typed, not drawn.
    if key.iter().all(|byte| *byte == key[0]) { Err("this key has no randomness in it") } else { Ok(key) }
}

/// Whether a key was typed rather than drawn: a short pattern again and again, a count, or a text
/// that a person made up. 32 random bytes look like none of these in more lifetimes than there are.
pub(crate) fn is_typed(key: &[u8; KEY_BYTES]) -> bool {
    let repeats = (1..=KEY_BYTES / 2).any(|period| key.iter().zip(&key[period..]).all(|(one, next)| one == next));
    let counts = key.windows(3).all(|three| three[1].wrapping_sub(three[0]) == three[2].wrapping_sub(three[1]));
    let is_text = key.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    repeats || counts || is_text
}

/// Where development keeps its key.
pub(crate) fn file(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE)
}

/// The key in force. The boot has refused before where a key file may not stand in.
pub(crate) fn load(config: &SecurityConfig, data_dir: &Path) -> Result<MasterKey, StoreError> {
    let key = match config.master_key.as_ref().map(|given| parse(given.expose())) {
        Some(Ok(key)) => MasterKey::from_bytes(key),
        _ => MasterKey::load_or_create(&file(data_dir))?,
    };
    let previous = config.previous_master_key.as_ref().and_then(|given| parse(given.expose()).ok());
    Ok(match (previous, config.previous_master_key_until) {
        (Some(previous), Some(until)) => key.replacing(previous, until),
        _ => key,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_and_base_64_are_read() {
        let hex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
        let expected: [u8; 32] = std::array::from_fn(|place| place as u8);
        assert_eq!(parse(hex), Ok(expected));
        assert_eq!(parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"), Ok(expected));
        assert_eq!(parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"), Ok(expected));
    }

    #[test]
    fn typed_keys_are_told_from_drawn_ones() {
        let of = |hex: &str| is_typed(&parse(hex).expect("32 bytes"));
        assert!(of("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"));
        assert!(of(&"0123456789abcdef".repeat(4)));
        assert!(of(&hex::encode("correct horse battery staple 123")));
        assert!(!of("6f1d0c3b5a79e8d2c4b6a8907f5e3d1c2b4a69788796a5b4c3d2e1f00f1e2d3c"));
    }

    #[test]
    fn short_and_made_up_keys_are_refused() {
        assert!(parse("abcd").is_err());
        assert!(parse("correct horse battery staple").is_err());
        assert!(parse(&"00".repeat(32)).is_err());
    }
}
