//! Recognizing a card number where none may stand, so that it is refused before it is kept.

use std::ops::RangeInclusive;

/// How long the numbers are that begin so (ISO/IEC 7812 and what the networks publish of their ranges).
/// The checksum alone is passed by one number in ten, and references are numbers often enough.
const RANGES: [(RangeInclusive<u32>, &[usize]); 19] = [
    (2200..=2204, LONG),  // Mir
    (2221..=2720, &[16]), // Mastercard
    (3000..=3059, DINERS),
    (3095..=3095, DINERS),
    (3400..=3499, &[15]), // American Express
    (3528..=3589, LONG),  // JCB
    (3600..=3699, DINERS),
    (3700..=3799, &[15]), // American Express
    (3800..=3999, DINERS),
    (4000..=4999, &[13, 16, 19]), // Visa
    (5000..=5899, LONG),          // Mastercard, Maestro, RuPay
    (6000..=6999, LONG),          // Maestro, Discover, UnionPay, RuPay, Troy
    (8100..=8299, &[16]),         // RuPay
    (9792..=9792, &[16]),         // Troy
    (5018..=5020, SHORT),
    (5038..=5038, SHORT),
    (5893..=5893, SHORT),
    (6304..=6304, SHORT),
    (6759..=6763, SHORT),
];
const LONG: &[usize] = &[16, 17, 18, 19];
const DINERS: &[usize] = &[14, 15, 16, 17, 18, 19];
/// Maestro has given out shorter numbers in few ranges.
const SHORT: &[usize] = &[12, 13, 14, 15];

/// Letters that a word in base 16 has at least. Of sixteen digits drawn by chance six are letters; a word
/// that has fewer and looks like a card number even so is one in tens of thousands.
const BASE_16_LETTERS_MIN: usize = 4;

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

/// Whether a reference has a card number in it, also behind letters. A UUID, and a word in base 16, may
/// have any digits: one in some thousands would look like a card number by chance, and nobody can choose
/// it anew.
pub(super) fn is_in_reference(reference: &str) -> bool {
    reference.split(['_', '.', ':']).any(|token| {
        let words = without_uuid(token).split('-').map(|word| if is_base_16(word) { "x" } else { word });
        is_in(&words.collect::<Vec<_>>().join("-"))
    })
}

/// What stands before the UUID that a token ends with.
fn without_uuid(token: &str) -> &str {
    let parts = token.len().checked_sub(uuid::fmt::Hyphenated::LENGTH).and_then(|at| token.split_at_checked(at));
    parts.filter(|(_, end)| uuid::Uuid::try_parse(end).is_ok()).map_or(token, |(before, _)| before)
}

/// Whether a word is a number in base 16, and not a card number with a letter or two beside it.
fn is_base_16(word: &str) -> bool {
    let letters = word.bytes().filter(u8::is_ascii_alphabetic).count();
    letters >= BASE_16_LETTERS_MIN && letters < word.len() && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_one(digits: &str) -> bool {
    let Some(begins) = digits.get(..4).and_then(|four| four.parse::<u32>().ok()) else { return false };
    RANGES.iter().any(|(range, lengths)| range.contains(&begins) && lengths.contains(&digits.len())) && passes_luhn(digits)
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

    /// The number of so many digits that begins so and passes the checksum, made of nothing else.
    fn made(begins: &str, length: usize) -> String {
        let body = format!("{begins}{}", "0".repeat(length - 1 - begins.len()));
        (0..=9).map(|last| format!("{body}{last}")).find(|number| passes_luhn(number)).expect("one of ten passes")
    }

    #[test]
    fn numbers_of_every_network_are_seen() {
        for (begins, lengths) in [
            ("2200", &[16, 19][..]),
            ("2221", &[16]),
            ("2720", &[16]),
            ("3095", &[14, 16]),
            ("34", &[15]),
            ("37", &[15]),
            ("3528", &[16]),
            ("36", &[14, 16, 19]),
            ("4", &[13, 16, 19]),
            ("508", &[16]),
            ("51", &[16]),
            ("5018", &[12, 13, 14, 15, 16, 19]),
            ("6011", &[16]),
            ("62", &[16, 19]),
            ("6759", &[12, 16, 19]),
            ("81", &[16]),
            ("82", &[16]),
            ("9792", &[16]),
        ] {
            for length in lengths {
                let number = made(begins, *length);
                assert!(is_in(&number) && is_in_reference(&number), "{begins} of {length}");
            }
        }
    }

    #[test]
    fn a_reference_has_no_card_number_also_behind_letters() {
        let number = number("");
        for before in ["", "x", "a", "a-", "face-", "card", "ref", "order-", "order_", "a.b:"] {
            for between in ["", "-"] {
                let wrong = format!("{before}{}", self::number(between));
                assert!(is_in_reference(&wrong) && is_in_reference(&format!("{wrong}.b")), "{wrong}");
            }
        }
        assert!(is_in_reference(&format!("{number}-9c5b94b1-35ad-49bb-b118-8e8fc24abf80")));
    }

    #[test]
    fn names_and_ids_are_references() {
        let number = number("");
        for fine in [
            "order-7",
            "INV-2026-001763",
            "114-3941689-8772232",
            "9c5b94b1-35ad-49bb-b118-8e8fc24abf80",
            "in_1QxKf2LkdIwHu7ixEu3mBq9c",
            &format!("9{number}"),
            &format!("{number}9"),
            &format!("inv-19bc{number}0fa"),
        ] {
            assert!(!is_in_reference(fine), "{fine}");
        }
    }

    #[test]
    fn numbers_of_other_lengths_and_beginnings_are_references() {
        // Each passes the checksum.
        for fine in ["401526415435", "9000000000000001", "7000000000003", "1763709600000000003", "41111111111114", "370000000000000015"] {
            assert!(passes_luhn(fine) && !is_in(fine) && !is_in_reference(fine), "{fine}");
        }
    }

    proptest::proptest! {
        #[test]
        fn ids_in_base_16_pass(id: u128, of: u64) {
            // With letters enough in its last digits, whatever the others are.
            let (id, of) = (uuid::Uuid::from_u128(id | 0xaaaa), of | 0xaaaa);
            let bare = id.simple();
            for fine in [id.to_string(), bare.to_string(), format!("pay-{id}"), format!("pay_{bare}"), format!("inv-{of:x}")] {
                proptest::prop_assert!(!is_in_reference(&fine), "{}", fine);
            }
        }

        #[test]
        fn order_numbers_and_instants_pass(order in 0u64..100_000_000_000, instant_ms in 1_500_000_000_000u64..2_000_000_000_000) {
            for fine in [format!("order-{order}"), order.to_string(), format!("order-{instant_ms}"), instant_ms.to_string()] {
                proptest::prop_assert!(!is_in_reference(&fine), "{}", fine);
            }
        }

        #[test]
        fn a_number_is_seen_behind_any_word(word in "[a-z]{0,8}[g-z]", between in "[-_.:]?", begins in 4000u32..4999) {
            let number = made(&begins.to_string(), 16);
            let wrong = format!("{word}{between}{number}");
            proptest::prop_assert!(is_in_reference(&wrong), "{}", wrong);
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
