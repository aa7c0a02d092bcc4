//! Secrets by reference: a setting names where its secret lies, and the text itself stays out of
//! files that are kept and copied.

use std::fmt;
use std::path::{Path, PathBuf};

use kernel::Secret;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Variables;

/// No key or password is longer; a bigger file is the wrong file.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Values that ship with examples and tutorials. Whoever runs production with one has no secret.
const KNOWN: &[&str] = &[
    "",
    "admin",
    "change-me",
    "change_me",
    "changeit",
    "changeme",
    "default",
    "dev",
    "development",
    "example",
    "insecure",
    "password",
    "postgres",
    "secret",
    "supersecret",
    "test",
    "todo",
    "your-secret-here",
];

/// Words that only a stand-in has in it: no drawn secret of this length spells one.
const STAND_INS: &[&str] = &[
    "change-me",
    "change_me",
    "changeme",
    "change-this",
    "replace-me",
    "replace_me",
    "replaceme",
    "your-secret",
    "your_secret",
    "placeholder",
    "insecure",
];

/// Characters of a secret in production, at least: 64 bits even where each is only a hexadecimal digit.
const SECRET_CHARS_MIN: usize = 16;
/// Characters of a password in an address, at least: NIST SP 800-63B-4, 3.1.1, for one of two factors,
/// because who may come to a database or a mail server is bound by the network too.
const ADDRESS_PASSWORD_CHARS_MIN: usize = 8;
/// Different characters of a secret, at least: fewer are a pattern on the keyboard.
const DIFFERENT_CHARS_MIN: usize = 6;

/// A secret in the settings, as `file:/run/secrets/x`, `env:NAME`, or another scheme that is
/// configured. Written out in the file it works everywhere but in production.
#[derive(Clone, Default)]
pub struct SecretRef(Secret);

impl SecretRef {
    /// For tests and for values that were read elsewhere.
    pub fn inline(secret: impl Into<String>) -> Self {
        Self(Secret::new(secret.into()))
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    pub fn secret(&self) -> &Secret {
        &self.0
    }
}

impl fmt::Debug for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Shows `***`: settings are listed and documented, their secrets are not.
impl Serialize for SecretRef {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str("***")
    }
}

/// References were followed before: what arrives here is the secret.
impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d).map(Self::inline)
    }
}

/// The port behind which secrets lie: one per scheme, read once at the boot.
pub trait SecretSource: Send + Sync {
    /// What stands before the colon.
    fn scheme(&self) -> &'static str;
    /// Fetches the secret. The error is one sentence that does not contain it.
    fn fetch(&self, reference: &str) -> Result<Secret, String>;
}

/// `file:PATH`: how compose, Kubernetes and systemd hand over secrets. Relative to the folder of
/// the settings file.
pub(super) struct FileSource(pub(super) PathBuf);

impl SecretSource for FileSource {
    fn scheme(&self) -> &'static str {
        "file"
    }

    fn fetch(&self, reference: &str) -> Result<Secret, String> {
        let path = self.0.join(Path::new(reference));
        let unreadable = |error: std::io::Error| format!("the secret file {} can't be read: {error}", path.display());
        let size = std::fs::metadata(&path).map_err(unreadable)?.len();
        if size > FILE_BYTES_MAX {
            return Err(format!("the secret file {} is larger than {FILE_BYTES_MAX} bytes", path.display()));
        }
        let text = std::fs::read_to_string(&path).map_err(unreadable)?;
        // Editors end files with a newline that is no part of the secret.
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() { Err(format!("the secret file {} is empty", path.display())) } else { Ok(Secret::new(text)) }
    }
}

/// `env:NAME`.
pub(super) struct VariableSource(pub(super) Variables);

impl SecretSource for VariableSource {
    fn scheme(&self) -> &'static str {
        "env"
    }

    fn fetch(&self, reference: &str) -> Result<Secret, String> {
        self.0.get(reference).map(Secret::new).ok_or_else(|| format!("the environment variable {reference} is not set"))
    }
}

/// Whether the last segment of a key says that it holds a secret.
pub(super) fn is_secret_key(path: &str) -> bool {
    ["secret", "password", "token", "_key"].iter().any(|end| path.ends_with(end))
}

/// The password in an address.
fn password_in(address: &str) -> Option<&str> {
    let (user, _) = address.split_once("://")?.1.rsplit_once('@')?;
    Some(user.split_once(':')?.1)
}

/// Whether a secret, or the password in an address, is one that everybody knows.
fn is_known(secret: &str) -> bool {
    let password = password_in(secret).unwrap_or(secret).trim().to_ascii_lowercase();
    KNOWN.contains(&password.as_str()) || STAND_INS.iter().any(|word| password.contains(word))
}

/// What is wrong with a secret in production, if anything. The sentence does not contain it.
pub(super) fn weakness(path: &str, secret: &str) -> Option<String> {
    if is_known(secret) {
        return Some("this secret is one that everybody knows".to_owned());
    }
    let (text, chars_min) = match password_in(secret) {
        Some(password) => (password, ADDRESS_PASSWORD_CHARS_MIN),
        None if is_secret_key(path) => (secret.trim(), SECRET_CHARS_MIN),
        // An address without a password, or one that is the secret itself.
        None => return None,
    };
    if text.chars().count() < chars_min {
        return Some(format!("this secret is too short: {chars_min} characters are the least"));
    }
    let different = text.chars().collect::<std::collections::BTreeSet<_>>().len();
    (different < DIFFERENT_CHARS_MIN.min(chars_min)).then(|| "this secret has no randomness in it".to_owned())
}

/// Addresses whose only secret is the password in them. Of others, such as those of chat hooks, the
/// path is the secret.
const PLAIN_SCHEMES: &[&str] = &["postgres", "postgresql", "redis", "rediss", "smtp", "smtps", "valkey", "valkeys"];

/// Whether a text is an address that carries no password, and so no secret.
pub(super) fn is_harmless_url(text: &str) -> bool {
    if text.starts_with("sqlite:") {
        return true;
    }
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    // Up to the last `@`: a password that was not percent-encoded may hold any character.
    let password = rest.contains("password=") || rest.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'));
    PLAIN_SCHEMES.contains(&scheme) && !password
}

/// An address with its password masked, or `***` where one can't tell what is secret in it.
pub(super) fn masked(text: &str) -> String {
    if is_harmless_url(text) {
        return text.to_owned();
    }
    let shown = text.split_once("://").filter(|(scheme, _)| PLAIN_SCHEMES.contains(scheme)).and_then(|(scheme, rest)| {
        let (user, place) = rest.rsplit_once('@')?;
        let name = user.split(':').next().unwrap_or_default();
        (!place.contains('?')).then(|| format!("{scheme}://{name}:***@{place}"))
    });
    shown.unwrap_or_else(|| "***".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_without_their_password() {
        assert_eq!(masked("postgres://ann:hunter2@db:5432/shop"), "postgres://ann:***@db:5432/shop");
        assert_eq!(masked("postgres://ann:hun@ter2@db/shop"), "postgres://ann:***@db/shop");
        assert_eq!(masked("sqlite:data/x.db"), "sqlite:data/x.db");
        assert_eq!(masked("postgres://db/shop?password=hunter2"), "***");
        assert_eq!(masked("smtp://mail.example.com:587?tls=required"), "smtp://mail.example.com:587?tls=required");
        for secret in ["hunter2", "hunter:2", "https://hooks.example.com/T1/hunter2", "hunter://2", "postgres://a:b/c@h/d?x=hunter2"] {
            assert_eq!(masked(secret), "***", "{secret}");
            assert!(!is_harmless_url(secret), "{secret}");
        }
    }

    #[test]
    fn known_secrets_are_known_in_addresses_too() {
        for known in ["ChangeMe", "", "postgres://postgres:postgres@db/x", "postgres://a:@db/x"] {
            assert!(is_known(known), "{known}");
        }
        for fine in ["8f3a0c", "postgres://postgres:8f3a0c@db/x", "postgres://postgres@db/x", "sqlite:test"] {
            assert!(!is_known(fine), "{fine}");
        }
    }

    #[test]
    fn weak_secrets_are_told_by_what_is_wrong_with_them() {
        let of = |path: &str, secret: &str| weakness(path, secret).unwrap_or_default();
        assert!(of("mail.gateway_secret", "hunter2").contains("16 characters"));
        assert!(of("database.url", "postgres://ann:hunter2@db/shop").contains("8 characters"));
        assert!(of("mail.gateway_secret", "abababababababababab").contains("no randomness"));
        assert!(of("mail.gateway_secret", "please-change-me-in-production").contains("everybody knows"));
        for fine in ["8f3a0c51d2e94b67", "postgres://ann@db/shop", "postgres://ann:8f3a0c51@db/shop", "sqlite:x.db"] {
            assert_eq!(weakness(if fine.contains(':') { "database.url" } else { "mail.gateway_secret" }, fine), None, "{fine}");
        }
    }

    #[test]
    fn a_secret_file_loses_only_its_newline() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("key"), " a b \n").expect("written");
        std::fs::write(folder.path().join("empty"), "\n").expect("written");
        let source = FileSource(folder.path().to_owned());
        assert_eq!(source.fetch("key").map(|secret| secret.expose().to_owned()), Ok(" a b ".into()));
        assert!(source.fetch("empty").is_err_and(|why| why.ends_with("is empty")));
        assert!(source.fetch("missing").is_err_and(|why| why.contains("can't be read")));
    }
}
