//! Encryption of single fields, and every key that derives from the one master key.
//!
//! A key is derived for each use by HKDF-SHA256 (RFC 5869) with a label, so that a field copied
//! into another column does not open, and one leaked key opens nothing else.

use std::io::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead as _, KeyInit as _};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use kernel::Secret;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::StoreError;

const KEY_BYTES: usize = 32;
/// XChaCha20 takes a nonce that is long enough to be drawn by chance for ever.
const NONCE_BYTES: usize = 24;
/// 64 bits: two keys with the same fingerprint are not met by chance.
const FINGERPRINT_BYTES: usize = 8;
/// Names the way of sealing, so that another can follow without guessing.
const VERSION: &str = "v1.";
/// Separates our labels from those of other programs that might share a key.
const SALT: &[u8] = b"autorisen";

/// The one key that all others derive from. Wiped from memory when dropped.
pub struct MasterKey(Zeroizing<[u8; KEY_BYTES]>);

impl MasterKey {
    pub fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads 64 hexadecimal digits, as they stand in a secret or a key file.
    pub fn from_hex(text: &str) -> Result<Self, StoreError> {
        let mut bytes = [0; KEY_BYTES];
        hex::decode_to_slice(text.trim(), &mut bytes)
            .map_err(|_| StoreError::Schema("the master key must be 64 hexadecimal digits".to_owned()))?;
        Ok(Self::from_bytes(bytes))
    }

    /// Reads the key file, or makes one that only its owner can read. For development.
    pub fn load_or_create(path: &Path) -> Result<Self, StoreError> {
        let failed = |e: std::io::Error| StoreError::Schema(format!("the key file {} can't be used: {e}", path.display()));
        if !path.exists() {
            create_key_file(path).map_err(failed)?;
        }
        Self::from_hex(&Zeroizing::new(std::fs::read_to_string(path).map_err(failed)?))
    }
}

/// Writes a whole key beside `path` and links it there, so that of two processes that start
/// together one wins and nobody reads half a key.
fn create_key_file(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let draft = path.with_extension(format!("draft-{}", hex::encode(kernel::chance::bytes::<8>())));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    writeln!(file, "{}", hex::encode(kernel::chance::bytes::<KEY_BYTES>()))?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    match linked {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => Err(e),
        _ => Ok(()),
    }
}

/// Seals and opens fields, and derives keys.
pub struct Cipher(Hkdf<Sha256>);

impl Cipher {
    pub fn new(master: MasterKey) -> Self {
        Self(Hkdf::new(Some(SALT), master.0.as_slice()))
    }

    /// The key for one use, named by `label`.
    pub fn derive(&self, label: &str) -> [u8; KEY_BYTES] {
        let mut key = [0; KEY_BYTES];
        self.0.expand(label.as_bytes(), &mut key).expect("32 bytes are within what HKDF gives");
        key
    }

    /// Names the master key without telling anything about it: two processes compare it to see
    /// whether they hold the same one.
    pub fn fingerprint(&self) -> String {
        hex::encode(&self.derive("fingerprint")[..FINGERPRINT_BYTES])
    }

    /// Encrypts with XChaCha20-Poly1305; the same text seals differently each time.
    pub fn seal(&self, label: &str, plain: &str) -> String {
        let nonce = kernel::chance::bytes::<NONCE_BYTES>();
        let sealed = self.field_key(label).encrypt(&XNonce::from(nonce), plain.as_bytes()).expect("a field is far below 256 GiB");
        let mut out = Vec::with_capacity(NONCE_BYTES + sealed.len());
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        format!("{VERSION}{}", BASE64_URL_SAFE_NO_PAD.encode(out))
    }

    /// Decrypts what was sealed under the same label.
    pub fn open(&self, label: &str, sealed: &str) -> Result<Secret, StoreError> {
        let bytes = sealed.strip_prefix(VERSION).and_then(|text| BASE64_URL_SAFE_NO_PAD.decode(text).ok()).ok_or(StoreError::Sealed)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(StoreError::Sealed)?;
        let plain = self.field_key(label).decrypt(&XNonce::from(*nonce), sealed).map_err(|_| StoreError::Sealed)?;
        String::from_utf8(plain).map(Secret::new).map_err(|_| StoreError::Sealed)
    }

    fn field_key(&self, label: &str) -> XChaCha20Poly1305 {
        let key = Zeroizing::new(self.derive(&format!("field:{label}")));
        XChaCha20Poly1305::new((&*key).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cipher(seed: u8) -> Cipher {
        Cipher::new(MasterKey::from_bytes([seed; KEY_BYTES]))
    }

    #[test]
    fn a_sealed_field_opens_under_its_own_label_and_key_only() {
        let sealed = cipher(1).seal("provider.api_key", "hunter2");
        assert!(!sealed.contains("hunter2"));
        assert_eq!(cipher(1).open("provider.api_key", &sealed).unwrap().expose(), "hunter2");
        assert!(matches!(cipher(1).open("provider.secret", &sealed), Err(StoreError::Sealed)));
        assert!(matches!(cipher(2).open("provider.api_key", &sealed), Err(StoreError::Sealed)));
    }

    #[test]
    fn a_changed_byte_does_not_open() {
        let sealed = cipher(1).seal("x", "some text");
        let last = sealed.chars().last().unwrap();
        let other = if last == 'A' { 'Q' } else { 'A' };
        let changed = format!("{}{other}", &sealed[..sealed.len() - 1]);
        assert!(cipher(1).open("x", &changed).is_err());
        for damaged in ["", "v1.", "v1.AAAA", "v2.AAAA", "ünd"] {
            assert!(cipher(1).open("x", damaged).is_err(), "{damaged}");
        }
    }

    #[test]
    fn the_same_text_seals_differently_and_labels_give_different_keys() {
        assert_ne!(cipher(1).seal("x", "a"), cipher(1).seal("x", "a"));
        assert_ne!(cipher(1).derive("tokens"), cipher(1).derive("cursors"));
        assert_eq!(cipher(1).derive("tokens"), cipher(1).derive("tokens"));
        assert_ne!(cipher(1).fingerprint(), cipher(2).fingerprint());
        assert_eq!(cipher(1).fingerprint(), cipher(1).fingerprint());
    }

    #[test]
    fn the_key_file_is_made_once_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys").join("master.key");
        let first = MasterKey::load_or_create(&path).unwrap();
        let second = MasterKey::load_or_create(&path).unwrap();
        assert_eq!(first.0, second.0);
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no draft is left");
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);
        assert!(MasterKey::from_hex("short").is_err());
    }
}
