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
use kernel::{At, Secret};
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

/// The one key that all others derive from, and while it is being replaced the other one. Wiped from
/// memory when dropped.
pub struct MasterKey {
    bytes: Zeroizing<[u8; KEY_BYTES]>,
    previous: Option<Previous>,
}

/// The other key of a rotation: what it sealed opens as long as it is known, what it signed is
/// believed until an instant.
struct Previous {
    bytes: Zeroizing<[u8; KEY_BYTES]>,
    believed_until: At,
}

impl MasterKey {
    pub fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self { bytes: Zeroizing::new(bytes), previous: None }
    }

    /// The same key in the place of `previous`, which still opens what it sealed, and whose signatures
    /// are believed before `until`.
    #[must_use]
    pub fn replacing(self, previous: [u8; KEY_BYTES], until: At) -> Self {
        Self { previous: Some(Previous { bytes: Zeroizing::new(previous), believed_until: until }), ..self }
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
pub struct Cipher {
    current: Hkdf<Sha256>,
    previous: Option<(Hkdf<Sha256>, At)>,
}

impl Cipher {
    pub fn new(master: MasterKey) -> Self {
        let extract = |bytes: &[u8; KEY_BYTES]| Hkdf::new(Some(SALT), bytes);
        let previous = master.previous.as_ref().map(|previous| (extract(&previous.bytes), previous.believed_until));
        Self { current: extract(&master.bytes), previous }
    }

    /// The key for one use, named by `label`.
    pub fn derive(&self, label: &str) -> [u8; KEY_BYTES] {
        expand(&self.current, label)
    }

    /// The keys for checking one use at `now`: the current one, and during a rotation the previous one.
    pub fn derive_believed(&self, label: &str, now: At) -> Vec<[u8; KEY_BYTES]> {
        let previous = self.previous.as_ref().filter(|(_, until)| now < *until);
        [Some(&self.current), previous.map(|(key, _)| key)].into_iter().flatten().map(|key| expand(key, label)).collect()
    }

    /// The previous key of one use, and until when what it signed is believed.
    pub fn derive_previous(&self, label: &str) -> Option<([u8; KEY_BYTES], At)> {
        self.previous.as_ref().map(|(key, until)| (expand(key, label), *until))
    }

    /// Names the master key without telling anything about it: two processes compare it to see
    /// whether they hold the same one.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.current)
    }

    /// Names the other key of a rotation.
    pub fn previous_fingerprint(&self) -> Option<String> {
        self.previous.as_ref().map(|(key, _)| fingerprint(key))
    }

    /// Encrypts with XChaCha20-Poly1305; the same text seals differently each time.
    pub fn seal(&self, label: &str, plain: &str) -> String {
        let nonce = kernel::chance::bytes::<NONCE_BYTES>();
        let sealed = field_key(&self.current, label).encrypt(&XNonce::from(nonce), plain.as_bytes()).expect("a field is far below 256 GiB");
        let mut out = Vec::with_capacity(NONCE_BYTES + sealed.len());
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        format!("{VERSION}{}", BASE64_URL_SAFE_NO_PAD.encode(out))
    }

    /// Decrypts what was sealed under the same label, with this key or the previous one.
    pub fn open(&self, label: &str, sealed: &str) -> Result<Secret, StoreError> {
        let bytes = sealed.strip_prefix(VERSION).and_then(|text| BASE64_URL_SAFE_NO_PAD.decode(text).ok()).ok_or(StoreError::Sealed)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(StoreError::Sealed)?;
        let keys = [Some(&self.current), self.previous.as_ref().map(|(key, _)| key)];
        let mut opened = keys.into_iter().flatten().map(|key| field_key(key, label).decrypt(&XNonce::from(*nonce), sealed));
        let plain = opened.find_map(Result::ok).ok_or(StoreError::Sealed)?;
        String::from_utf8(plain).map(Secret::new).map_err(|_| StoreError::Sealed)
    }
}

fn expand(key: &Hkdf<Sha256>, label: &str) -> [u8; KEY_BYTES] {
    let mut derived = [0; KEY_BYTES];
    key.expand(label.as_bytes(), &mut derived).expect("32 bytes are within what HKDF gives");
    derived
}

fn field_key(key: &Hkdf<Sha256>, label: &str) -> XChaCha20Poly1305 {
    let key = Zeroizing::new(expand(key, &format!("field:{label}")));
    XChaCha20Poly1305::new((&*key).into())
}

fn fingerprint(key: &Hkdf<Sha256>) -> String {
    hex::encode(&expand(key, "fingerprint")[..FINGERPRINT_BYTES])
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
    fn during_a_rotation_both_keys_open_and_only_the_new_one_seals() {
        let until: At = "2026-03-01T12:00:00Z".parse().unwrap();
        let rotated = Cipher::new(MasterKey::from_bytes([2; KEY_BYTES]).replacing([1; KEY_BYTES], until));
        assert_eq!(rotated.open("x", &cipher(1).seal("x", "old")).unwrap().expose(), "old");
        assert_eq!(cipher(2).open("x", &rotated.seal("x", "new")).unwrap().expose(), "new");
        assert!(rotated.open("y", &cipher(1).seal("x", "old")).is_err() && rotated.open("x", &cipher(3).seal("x", "a")).is_err());
        let (old, new) = (cipher(1).derive("x"), cipher(2).derive("x"));
        assert_eq!(rotated.derive("x"), new);
        assert_eq!(rotated.derive_believed("x", until - chrono::Duration::microseconds(1)), [new, old]);
        assert_eq!(rotated.derive_believed("x", until), [new]);
    }

    #[test]
    fn the_key_file_is_made_once_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys").join("master.key");
        let first = MasterKey::load_or_create(&path).unwrap();
        let second = MasterKey::load_or_create(&path).unwrap();
        assert_eq!(first.bytes, second.bytes);
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no draft is left");
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);
        assert!(MasterKey::from_hex("short").is_err());
    }
}
