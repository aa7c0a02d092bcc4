//! Slugs: an organization's short name in addresses, `acme-fruit`.

use kernel::chance;
use unicode_normalization::UnicodeNormalization as _;

/// Shorter ones are initials that several companies would claim.
pub const LEN_MIN: usize = 3;
/// The longest label of a host name (RFC 1035, 2.3.4), so that a slug can become one.
pub const LEN_MAX: usize = 63;
/// A generated slug leaves room for a suffix that tells it from a taken one.
const GENERATED_LEN_MAX: usize = LEN_MAX - 1 - SUFFIX_LEN;
/// Hex digits of a suffix: 24 bits, so that a second collision is rare.
const SUFFIX_LEN: usize = 6;

/// Names that would pass for ours, for a place on the site, or for a technical host.
const RESERVED: [&str; 66] = [
    "about",
    "abuse",
    "account",
    "accounts",
    "admin",
    "administrator",
    "api",
    "app",
    "apps",
    "assets",
    "audit",
    "auth",
    "autorisen",
    "billing",
    "blog",
    "cdn",
    "console",
    "dashboard",
    "demo",
    "dev",
    "docs",
    "download",
    "files",
    "ftp",
    "health",
    "help",
    "home",
    "host",
    "hostmaster",
    "imap",
    "info",
    "internal",
    "invitations",
    "legal",
    "livez",
    "localhost",
    "login",
    "logout",
    "mail",
    "members",
    "metrics",
    "null",
    "oauth",
    "org",
    "organizations",
    "pay",
    "postmaster",
    "public",
    "readyz",
    "register",
    "root",
    "security",
    "settings",
    "signin",
    "signup",
    "smtp",
    "static",
    "status",
    "support",
    "system",
    "test",
    "undefined",
    "webhooks",
    "webmaster",
    "well-known",
    "www",
];

/// Why a text is no slug; the sentence is for the person who typed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotASlug {
    #[error("must have 3 to 63 characters")]
    Length,
    #[error("may hold only a to z, 0 to 9 and single hyphens between them")]
    Letters,
    #[error("is reserved; choose another")]
    Reserved,
}

/// Whether `text` may be a slug.
pub fn check(text: &str) -> Result<(), NotASlug> {
    if !(LEN_MIN..=LEN_MAX).contains(&text.len()) {
        return Err(NotASlug::Length);
    }
    // Two hyphens in a row are how `xn--` names of other scripts begin.
    let parts_are_plain = text.split('-').all(|part| !part.is_empty() && part.bytes().all(is_plain));
    if !parts_are_plain {
        return Err(NotASlug::Letters);
    }
    if RESERVED.contains(&text) { Err(NotASlug::Reserved) } else { Ok(()) }
}

const fn is_plain(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9')
}

/// A slug made from a name: accents fall off, everything else becomes a hyphen. A name that
/// leaves too little, such as one in another script, or a reserved word gets a random suffix.
pub fn from_name(name: &str) -> String {
    let mut slug = String::new();
    for letter in name.nfkd().filter(|letter| !unicode_normalization::char::is_combining_mark(*letter)) {
        let letter = letter.to_ascii_lowercase();
        if letter.is_ascii_alphanumeric() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() == GENERATED_LEN_MAX {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    match check(slug) {
        Ok(()) => slug.to_owned(),
        Err(_) if slug.is_empty() => with_suffix("org"),
        Err(_) => with_suffix(slug),
    }
}

/// The same slug with a random suffix, for one that is taken.
pub fn with_suffix(slug: &str) -> String {
    let stem: String = slug.chars().take(GENERATED_LEN_MAX).collect();
    let suffix = chance::below(1 << (4 * SUFFIX_LEN));
    format!("{}-{suffix:0SUFFIX_LEN$x}", stem.trim_end_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_words_with_single_hyphens_pass() {
        for good in ["acme", "acme-fruit", "a1b", "123", &"a".repeat(63)] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn everything_else_says_what_is_wrong() {
        for (wrong, why) in [
            ("ab", NotASlug::Length),
            (&"a".repeat(64), NotASlug::Length),
            ("Acme", NotASlug::Letters),
            ("acme_fruit", NotASlug::Letters),
            ("-acme", NotASlug::Letters),
            ("acme-", NotASlug::Letters),
            ("xn--acme", NotASlug::Letters),
            ("äcme", NotASlug::Letters),
            ("admin", NotASlug::Reserved),
            ("well-known", NotASlug::Reserved),
        ] {
            assert_eq!(check(wrong), Err(why), "{wrong}");
        }
    }

    #[test]
    fn a_name_becomes_a_readable_slug() {
        assert_eq!(from_name("Acme Fruit & Söhne GmbH"), "acme-fruit-sohne-gmbh");
        assert_eq!(from_name("  --Acme--  "), "acme");
        assert!(from_name("Admin").starts_with("admin-"));
        assert!(from_name("株式会社").starts_with("org-"));
        assert!(from_name("IT").starts_with("it-"));
    }

    #[test]
    fn reserved_words_are_listed_once_and_in_order() {
        assert!(RESERVED.is_sorted_by(|a, b| a < b));
    }

    proptest! {
        #[test]
        fn whatever_is_made_from_a_name_is_a_slug(name in ".{0,120}") {
            let slug = from_name(&name);
            prop_assert_eq!(check(&slug), Ok(()), "{}", slug);
            let other = with_suffix(&slug);
            prop_assert_eq!(check(&other), Ok(()), "{}", other);
        }
    }
}
