//! Languages.

use std::fmt;
use std::str::FromStr;

/// The length that RFC 5646, 4.4.1 advises to make room for.
const LEN_MAX: usize = 35;

/// A language tag in the shape of BCP 47: `en`, `en-ZA`, `zh-Hant-TW`. Whether the language exists
/// is not asked: new ones are registered every year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locale(String);

/// Why a text is no language tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a language tag such as `en-ZA`")]
pub struct NotALocale;

impl FromStr for Locale {
    type Err = NotALocale;

    /// Reads any letter case and keeps the customary one (RFC 5646, 2.1.1).
    fn from_str(text: &str) -> Result<Self, NotALocale> {
        let text = text.trim();
        let mut parts = text.split('-');
        let language = parts.next().unwrap_or_default();
        let is_language = matches!(language.len(), 2 | 3) && language.bytes().all(|letter| letter.is_ascii_alphabetic());
        if !is_language || text.len() > LEN_MAX {
            return Err(NotALocale);
        }
        let mut tag = language.to_ascii_lowercase();
        for part in parts {
            if !matches!(part.len(), 1..=8) || !part.bytes().all(|letter| letter.is_ascii_alphanumeric()) {
                return Err(NotALocale);
            }
            tag.push('-');
            tag.push_str(&customary(part));
        }
        Ok(Self(tag))
    }
}

/// Regions are `ZA`, scripts are `Hant`, the rest is lower case.
fn customary(part: &str) -> String {
    let is_word = part.bytes().all(|letter| letter.is_ascii_alphabetic());
    match part.len() {
        2 if is_word => part.to_ascii_uppercase(),
        4 if is_word => format!("{}{}", part[..1].to_ascii_uppercase(), part[1..].to_ascii_lowercase()),
        _ => part.to_ascii_lowercase(),
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_kept_in_its_customary_letters() {
        for (given, kept) in
            [("EN", "en"), ("en-za", "en-ZA"), ("ZH-hant-tw", "zh-Hant-TW"), ("es-419", "es-419"), ("sl-IT-NEDIS", "sl-IT-nedis")]
        {
            assert_eq!(given.parse::<Locale>().map(|locale| locale.to_string()), Ok(kept.to_owned()));
        }
    }

    #[test]
    fn what_has_not_the_shape_is_refused() {
        for text in ["", "e", "english", "en_ZA", "en-", "en--ZA", "1n", "en-toolongpart", "é-ZA"] {
            assert_eq!(text.parse::<Locale>(), Err(NotALocale), "{text}");
        }
    }
}
