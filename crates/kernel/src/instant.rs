//! How an instant is written in an answer: as chrono writes it (RFC 3339 in UTC), but in one piece.
//!
//! Chrono hands its text on letter by letter, and JSON looks at each of them for what has to be escaped.
//! A list writes two instants in every row.

use chrono::{Datelike as _, Timelike as _};
use serde::{Serialize as _, Serializer};

use crate::At;

/// Every instant of ours until the year 9999 fits.
const WIDEST: &[u8; 27] = b"0000-00-00T00:00:00.000000Z";

/// For a field: `#[serde(serialize_with = "kernel::instant::write")]`.
pub fn write<S: Serializer>(at: &At, serializer: S) -> Result<S::Ok, S::Error> {
    let mut letters = *WIDEST;
    match text(at, &mut letters) {
        Some(text) => serializer.serialize_str(text),
        None => at.serialize(serializer),
    }
}

/// As [`write`], for one that may be missing.
pub fn write_if<S: Serializer>(at: &Option<At>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => write(at, serializer),
        None => serializer.serialize_none(),
    }
}

/// `None` for what is rarer: far years, leap seconds, and anything finer than a microsecond.
fn text<'l>(at: &At, letters: &'l mut [u8; WIDEST.len()]) -> Option<&'l str> {
    let year = u32::try_from(at.year()).ok().filter(|year| *year <= 9999)?;
    let nanos = at.nanosecond();
    if nanos >= 1_000_000_000 || !nanos.is_multiple_of(1_000) {
        return None;
    }
    put(&mut letters[0..4], year);
    put(&mut letters[5..7], at.month());
    put(&mut letters[8..10], at.day());
    put(&mut letters[11..13], at.hour());
    put(&mut letters[14..16], at.minute());
    put(&mut letters[17..19], at.second());
    put(&mut letters[20..26], nanos / 1_000);
    // No fraction, or three digits, or six: whichever is enough.
    let end = match nanos {
        0 => 19,
        nanos if nanos % 1_000_000 == 0 => 23,
        _ => 26,
    };
    letters[end] = b'Z';
    std::str::from_utf8(&letters[..=end]).ok()
}

/// The last digits of a number, as many as there is room for.
fn put(room: &mut [u8], mut number: u32) {
    for letter in room.iter_mut().rev() {
        *letter = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(serde::Serialize)]
    struct Ours {
        #[serde(serialize_with = "write")]
        at: At,
        #[serde(serialize_with = "write_if")]
        and: Option<At>,
    }

    #[derive(serde::Serialize)]
    struct Theirs {
        at: At,
        and: Option<At>,
    }

    fn agree(at: At, and: Option<At>) {
        let written = |value: serde_json::Result<String>| value.expect("it can be written");
        assert_eq!(written(serde_json::to_string(&Ours { at, and })), written(serde_json::to_string(&Theirs { at, and })));
    }

    #[test]
    fn each_width_is_written_as_chrono_writes_it() {
        let finer = ["2026-03-01T12:00:00.000000001Z", "2016-12-31T23:59:60.500Z"];
        let usual = ["2026-03-01T12:00:00Z", "2026-12-31T23:59:59.120Z", "2026-03-01T00:00:00.000001Z", "0000-01-01T00:00:00Z"];
        for text in finer.into_iter().chain(usual) {
            agree(text.parse().expect("a valid instant"), None);
        }
    }

    proptest! {
        #[test]
        fn any_instant_is_written_as_chrono_writes_it(seconds in -70_000_000_000i64..260_000_000_000, micros in 0u32..1_000_000) {
            let at = At::from_timestamp(seconds, micros * 1_000);
            agree(at.unwrap_or_default(), at);
        }
    }
}
