//! Telephone numbers.

use std::fmt;
use std::str::FromStr;

/// Digits in a number: the country code included, without the prefix (ITU-T E.164, 6.2).
const DIGITS_MAX: usize = 15;
/// Shorter ones are service numbers, which nobody outside their country can call.
const DIGITS_MIN: usize = 7;

/// A telephone number in the form of E.164: `+27821234567`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phone(String);

/// Why a text is no telephone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a telephone number in international form such as `+27821234567`")]
pub struct NotAPhone;

impl FromStr for Phone {
    type Err = NotAPhone;

    /// Reads `+27 (82) 123-4567` as well as `+27821234567`; the country code must be there.
    fn from_str(text: &str) -> Result<Self, NotAPhone> {
        let digits: String =
            text.trim().strip_prefix('+').ok_or(NotAPhone)?.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).collect();
        let valid = digits.bytes().all(|digit| digit.is_ascii_digit())
            && (DIGITS_MIN..=DIGITS_MAX).contains(&digits.len())
            && !digits.starts_with('0');
        if valid { Ok(Self(format!("+{digits}"))) } else { Err(NotAPhone) }
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_becomes_one_form() {
        for text in ["+27821234567", " +27 82 123 4567 ", "+27 (82) 123-4567", "+27.82.123.4567"] {
            assert_eq!(text.parse::<Phone>().map(|phone| phone.to_string()), Ok("+27821234567".to_owned()), "{text}");
        }
    }

    #[test]
    fn a_number_without_its_country_is_refused() {
        for text in ["", "+", "0821234567", "27821234567", "+0821234567", "+123456", "+1234567890123456", "+27 82 CALL ME", "+٢٧٨٢١٢٣٤٥"]
        {
            assert_eq!(text.parse::<Phone>(), Err(NotAPhone), "{text}");
        }
    }
}
