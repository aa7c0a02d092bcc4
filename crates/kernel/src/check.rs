//! Checking input: collects every wrong field, so that a caller mends all at once.

use std::ops::RangeInclusive;

use unicode_normalization::UnicodeNormalization as _;

use crate::{Failure, Fields, General};

/// The years of instants that callers may name: nothing of ours is older, and databases and sums
/// of times agree far beyond.
const YEARS: RangeInclusive<i32> = 2000..=2200;

/// Joiners: scripts such as Persian and Devanagari spell with them, and emoji are composed by them.
const JOINERS: RangeInclusive<char> = '\u{200c}'..='\u{200d}';

/// Whether a text holds what nobody sees: line separators, marks that turn the direction of what
/// follows, blanks of no width, tags. With them one name looks like another, or a line in a list or a
/// mail reads as something else (Unicode TR 36). Joiners pass between two letters that may need them.
fn has_invisible(text: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    let joins = |place: usize| {
        let side = |letter: Option<&char>| letter.is_some_and(|letter| !letter.is_ascii() && !is_invisible(*letter));
        side(place.checked_sub(1).and_then(|before| letters.get(before))) && side(letters.get(place + 1))
    };
    letters.iter().enumerate().any(|(place, letter)| is_invisible(*letter) && !(JOINERS.contains(letter) && joins(place)))
}

const fn is_invisible(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a text names a place of the web as such. A name that only has a dot passes: companies are
/// called after their domains.
fn has_web_address(text: &str) -> bool {
    let plain: String = text.nfkc().flat_map(char::to_lowercase).collect();
    plain.contains("://") || plain.split(|letter: char| !letter.is_alphanumeric() && letter != '.').any(|word| word.starts_with("www."))
}

/// Collects what is wrong, field by field.
///
/// ```
/// # use kernel::Check;
/// let mut check = Check::new();
/// check.text("name", " ", 1..=200);
/// assert!(check.done().is_err());
/// ```
#[derive(Debug, Default)]
pub struct Check {
    fields: Fields,
}

impl Check {
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes `message` for `field` unless `ok`. The first message for a field stays.
    pub fn that(&mut self, ok: bool, field: &str, message: impl Into<String>) -> &mut Self {
        if !ok {
            self.fields.entry(field.to_owned()).or_insert_with(|| message.into());
        }
        self
    }

    /// A text of `len` characters, not blank, without control characters and without what nobody sees.
    pub fn text(&mut self, field: &str, text: &str, len: RangeInclusive<usize>) -> &mut Self {
        let count = text.trim().chars().count();
        let (least, most) = (*len.start(), *len.end());
        self.that(len.contains(&count), field, format!("must have {least} to {most} characters"));
        self.that(!text.chars().any(char::is_control), field, "must not contain control characters");
        self.that(!has_invisible(text), field, "must not contain invisible characters")
    }

    /// As [`Check::text`], for a value that may be missing.
    pub fn text_if(&mut self, field: &str, text: Option<&str>, len: RangeInclusive<usize>) -> &mut Self {
        if let Some(text) = text {
            self.text(field, text, len);
        }
        self
    }

    /// As [`Check::text`], for what people and organizations are called: whatever repeats a name would
    /// advertise the address in it.
    pub fn name(&mut self, field: &str, name: &str, len: RangeInclusive<usize>) -> &mut Self {
        self.text(field, name, len).that(!has_web_address(name), field, "must not hold a web address; give the name without it")
    }

    /// As [`Check::name`], for one that may be missing.
    pub fn name_if(&mut self, field: &str, name: Option<&str>, len: RangeInclusive<usize>) -> &mut Self {
        if let Some(name) = name {
            self.name(field, name, len);
        }
        self
    }

    /// A whole number within bounds.
    pub fn number(&mut self, field: &str, number: i64, range: RangeInclusive<i64>) -> &mut Self {
        self.that(range.contains(&number), field, format!("must be from {} to {}", range.start(), range.end()))
    }

    /// An instant that calendars, databases and sums can deal with.
    pub fn instant(&mut self, field: &str, at: crate::At) -> &mut Self {
        use chrono::Datelike as _;
        let (first, last) = (YEARS.start(), YEARS.end());
        self.that(YEARS.contains(&at.year()), field, format!("must be in the years {first} to {last}"))
    }

    /// Keeps the parsed value or notes what is wrong with the text.
    pub fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(&mut self, field: &str, text: &str) -> Option<T> {
        text.parse().map_err(|wrong: T::Err| self.that(false, field, wrong.to_string())).ok()
    }

    /// `Ok` when nothing was noted; otherwise 422 with every field.
    pub fn done(self) -> Result<(), Failure> {
        if self.fields.is_empty() { Ok(()) } else { Err(Failure::new(General::ValidationFailed).with_fields(self.fields)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(text: &str) -> bool {
        let mut check = Check::new();
        check.text("name", text, 1..=200);
        check.done().is_ok()
    }

    #[test]
    fn what_nobody_sees_is_no_part_of_a_name() {
        for invisible in
            ["\u{2028}", "\u{2029}", "\u{202e}", "\u{2066}", "\u{200b}", "\u{200d}", "\u{feff}", "\u{ad}", "\u{e0041}", "\u{3164}"]
        {
            assert!(!passes(&format!("Ann{invisible}Keller")) && !passes(invisible), "{invisible:?}");
        }
        assert!(!passes("Ann\u{200d}\u{200d}Keller") && !passes("\u{200d}علی") && !passes("Ann\nKeller"));
    }

    #[test]
    fn a_name_is_no_web_address() {
        let passes = |name: &str| {
            let mut check = Check::new();
            check.name("name", name, 1..=200);
            check.done().is_ok()
        };
        for address in ["PayPal. Verify: https://evil.example/pay", "HTTP://x", "https：//evil.example", "Win (WWW.evil.example)"] {
            assert!(!passes(address), "{address}");
        }
        for name in ["Booking.com", "Novo A/S", "Wwwhat Inc.", "J. R. Smith"] {
            assert!(passes(name), "{name}");
        }
    }

    #[test]
    fn names_of_all_scripts_pass() {
        for name in ["Ann Keller", "Ó Briain", "علی\u{200c}رضا", "क्\u{200d}ष", "👩\u{200d}🚀 Ada", "株式会社"] {
            assert!(passes(name), "{name}");
        }
    }
}
