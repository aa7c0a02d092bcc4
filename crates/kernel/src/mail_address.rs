//! Mail addresses.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use unicode_normalization::UnicodeNormalization as _;

/// The longest address that SMTP carries: a path of 256 octets less its angle brackets (RFC 5321,
/// 4.5.3.1.3, with erratum 1690 of RFC 3696).
pub const LEN_MAX: usize = 254;

/// One syntactically valid address. Keeps what the person typed and the form by which accounts
/// are found: trimmed, NFKC, lower case.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct MailAddress {
    given: String,
    #[serde(skip)]
    normal: String,
}

/// Why a text is no mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected one mail address such as `ann@example.com`")]
pub struct NotAnAddress;

impl MailAddress {
    /// As the person wrote it.
    pub fn as_str(&self) -> &str {
        &self.given
    }

    /// As it is compared and indexed.
    pub fn normal(&self) -> &str {
        &self.normal
    }
}

impl FromStr for MailAddress {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let given: String = text.trim().nfkc().collect();
        let plain = !given.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, ',' | ';' | '<' | '>' | '"' | '(' | ')'));
        // ASCII only: look-alike letters of other scripts would let two people seem to be one.
        let valid = plain && given.is_ascii() && given.len() <= LEN_MAX && email_address::EmailAddress::is_valid(&given);
        if !valid || !given.split('@').nth(1).is_some_and(|domain| domain.contains('.') || domain == "localhost") {
            return Err(NotAnAddress);
        }
        let normal = given.to_lowercase();
        Ok(Self { given, normal })
    }
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.given)
    }
}

impl fmt::Debug for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A personal detail: the domain is enough to find a fault in delivery.
        write!(f, "***@{}", self.normal.split('@').nth(1).unwrap_or(""))
    }
}

impl<'de> Deserialize<'de> for MailAddress {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

impl utoipa::PartialSchema for MailAddress {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .format(Some(utoipa::openapi::schema::SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::Email)))
            .max_length(Some(LEN_MAX))
            .into()
    }
}
impl utoipa::ToSchema for MailAddress {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_and_nothing_else_passes() {
        assert_eq!("  Ann@Example.COM ".parse::<MailAddress>().map(|a| a.normal().to_owned()), Ok("ann@example.com".into()));
        for wrong in ["", "ann", "ann@", "@x.io", "a@x.io,b@y.io", "a@x.io\r\nBcc: b@y.io", "Ann <a@x.io>", "a b@x.io", "а@x.io", "a@x"] {
            assert!(wrong.parse::<MailAddress>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_log_line_shows_no_person() {
        assert_eq!(format!("{:?}", "ann@x.io".parse::<MailAddress>().expect("valid")), "***@x.io");
    }
}
