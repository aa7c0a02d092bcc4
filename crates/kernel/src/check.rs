//! Checking input: collects every wrong field, so that a caller mends all at once.

use std::ops::RangeInclusive;

use crate::{Failure, Fields, General};

/// The years of instants that callers may name: nothing of ours is older, and databases and sums
/// of times agree far beyond.
const YEARS: RangeInclusive<i32> = 2000..=2200;

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

    /// A text of `len` characters, not blank, without control characters.
    pub fn text(&mut self, field: &str, text: &str, len: RangeInclusive<usize>) -> &mut Self {
        let count = text.trim().chars().count();
        let (least, most) = (*len.start(), *len.end());
        self.that(len.contains(&count), field, format!("must have {least} to {most} characters"));
        self.that(!text.chars().any(char::is_control), field, "must not contain control characters")
    }

    /// As [`Check::text`], for a value that may be missing.
    pub fn text_if(&mut self, field: &str, text: Option<&str>, len: RangeInclusive<usize>) -> &mut Self {
        if let Some(text) = text {
            self.text(field, text, len);
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
