//! Recognizing a card number where none may stand, so that it is refused before it is kept.

use std::ops::RangeInclusive;

/// How long the numbers are that begin so (ISO/IEC 7812 and what the networks publish of their ranges).
/// The checksum alone is passed by one number in ten, and references are numbers often enough.
const RANGES: [(RangeInclusive<u32>, RangeInclusive<usize>); 9] = [
    (3400..=3499, 15..=15), // American Express
    (3700..=3799, 15..=15),
    (3000..=3059, 14..=19), // Diners
    (3600..=3999, 14..=19),
    (3528..=3589, 16..=19), // JCB
    (4000..=4999, 16..=16), // Visa
    (2221..=2720, 16..=16), // Mastercard
    (5000..=5899, 16..=19), // Mastercard, Maestro
    (6000..=6999, 16..=19), // Maestro, Discover, UnionPay
];

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

/// Whether a reference is a card number and nothing else: one that has letters before it is a name
/// that somebody gave to an order.
pub(super) fn is_whole(reference: &str) -> bool {
    is_in(reference) && reference.bytes().all(|byte| byte.is_ascii_digit() || b"-_.:".contains(&byte))
}

fn is_one(digits: &str) -> bool {
    let Some(begins) = digits.get(..4).and_then(|four| four.parse::<u32>().ok()) else { return false };
    RANGES.iter().any(|(range, length)| range.contains(&begins) && length.contains(&digits.len())) && passes_luhn(digits)
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
    fn a_reference_with_letters_is_a_name() {
        assert!(is_whole(&number("")) && is_whole(&number("-")));
        assert!(!is_whole(&format!("order-{}", number(""))));
    }

    #[test]
    fn numbers_of_other_lengths_and_beginnings_are_references() {
        // Each passes the checksum.
        for fine in ["401526415435", "9000000000000001", "7000000000003", "1763709600000000003"] {
            assert!(passes_luhn(fine) && !is_in(fine), "{fine}");
        }
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
