//! What a key looks like: `ak_` + a prefix that lists show + `_` + a secret that only its holder
//! has. The marker lets secret scanners recognize a key in a place where it must not be.

use kernel::{Secret, chance};

const MARKER: &str = "ak_";
/// Hex digits that tell keys apart in a list.
const PREFIX_LEN: usize = 8;
/// 256 bits in URL-safe base 64.
const SECRET_LEN: usize = 43;

/// A key in full: made here, or sent by a caller and well-formed.
pub(super) struct Presented {
    text: Secret,
}

impl Presented {
    /// A new key.
    pub fn fresh() -> Self {
        let prefix = chance::below(1 << (4 * PREFIX_LEN));
        Self { text: Secret::new(format!("{MARKER}{prefix:0PREFIX_LEN$x}_{}", chance::token().expose())) }
    }

    /// Reads what a caller sent; anything that can't be a key ends here, before the database.
    pub fn read(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(MARKER)?;
        // Bytes, because a caller may send anything: no cut through the middle of a letter.
        let (prefix, secret) = rest.as_bytes().split_at_checked(PREFIX_LEN)?;
        let secret = secret.strip_prefix(b"_")?;
        let prefix_is_hex = prefix.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let secret_is_plain = secret.len() == SECRET_LEN && secret.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte));
        (prefix_is_hex && secret_is_plain).then(|| Self { text: Secret::new(text) })
    }

    /// `ak_1a2b3c4d`: what lists show.
    pub fn prefix(&self) -> &str {
        &self.text.expose()[..MARKER.len() + PREFIX_LEN]
    }

    /// How the key is kept at rest. It has 256 bits of entropy, so one round of SHA-256 is enough
    /// and finding it by its digest leaks no timing that would help to guess it.
    pub fn hash(&self) -> String {
        chance::digest(self.text.expose())
    }

    /// The key itself, for its one showing.
    pub fn into_secret(self) -> Secret {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_fresh_key_reads_back_and_no_two_are_alike() {
        let key = Presented::fresh();
        let again = Presented::read(key.text.expose()).expect("well-formed");
        assert_eq!((key.prefix(), key.hash()), (again.prefix(), again.hash()));
        assert_eq!(key.prefix().len(), 11);
        assert_ne!(key.hash(), Presented::fresh().hash());
    }

    #[test]
    fn what_is_not_a_key_never_reaches_the_database() {
        let key = Presented::fresh().into_secret();
        let key = key.expose();
        for wrong in [
            "",
            "ak_",
            "ak_12345678",
            &key[3..],
            &key[..key.len() - 1],
            &format!("{key}x"),
            &key.to_uppercase(),
            &key.replacen('_', "é", 2),
        ] {
            assert!(Presented::read(wrong).is_none(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_sent_breaks_the_reader(text in "(ak_)?.{0,80}") {
            if let Some(key) = Presented::read(&text) {
                prop_assert!(key.prefix().len() == MARKER.len() + PREFIX_LEN);
            }
        }
    }
}
