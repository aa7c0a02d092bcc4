//! Recognizing a card number where none may stand, so that it is refused before it is kept.

/// Card numbers have twelve to nineteen digits (ISO/IEC 7812).
const DIGITS: std::ops::RangeInclusive<usize> = 12..=19;

/// Whether a card number stands anywhere in a text, also with blanks or hyphens between its digits.
pub(super) fn is_in(text: &str) -> bool {
    chains(text).iter().any(|chain| (0..chain.len()).any(|from| begins_with_one(&chain[from..])))
}

/// Groups of digits that nothing but blanks and hyphens stand between.
fn chains(text: &str) -> Vec<Vec<String>> {
    let (mut chains, mut chain, mut group) = (vec![], vec![], String::new());
    // The end counts as any other character.
    for letter in text.chars().chain(['.']) {
        if letter.is_ascii_digit() {
            group.push(letter);
            continue;
        }
        if !group.is_empty() {
            chain.push(std::mem::take(&mut group));
        }
        let joins = letter.is_whitespace() || matches!(letter, '-' | '\u{2010}'..='\u{2014}');
        if !joins && !chain.is_empty() {
            chains.push(std::mem::take(&mut chain));
        }
    }
    chains
}

fn begins_with_one(groups: &[String]) -> bool {
    let mut digits = String::new();
    groups.iter().any(|group| {
        digits.push_str(group);
        is_one(&digits)
    })
}

/// A checksum that one in ten numbers passes, and a first digit that cards have: a time in
/// milliseconds begins with a 1.
fn is_one(digits: &str) -> bool {
    DIGITS.contains(&digits.len()) && !digits.starts_with(['0', '1']) && passes_luhn(digits)
}

fn passes_luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .zip([1, 2].into_iter().cycle())
        .map(|(byte, factor)| u32::from(byte - b'0') * factor)
        .map(|product| product / 10 + product % 10)
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The payment industry's best known test number, in parts.
    fn number(between: &str) -> String {
        ["4242"; 4].join(between)
    }

    #[test]
    fn a_card_number_is_seen_however_it_is_written() {
        for between in ["", " ", "-", "  ", " - ", "\u{a0}"] {
            assert!(is_in(&number(between)), "{between:?}");
        }
        assert!(is_in(&format!("Declined: {} 12/28", number(" "))));
        assert!(is_in(&format!("\"pan\":{}", number(""))));
    }

    #[test]
    fn other_numbers_are_none() {
        for fine in
            ["", "order-7", "4242", "1763709600000", "pm_1QxKf2LkdIwHu7ixEu3mBq9c", "2026-11-20 08:00", &"4".repeat(16), &number(".")]
        {
            assert!(!is_in(fine), "{fine:?}");
        }
    }
}
