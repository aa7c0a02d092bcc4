//! What a letter repeats of the words that strangers chose. Anybody may call themselves, their
//! company or a payment what they like and then have us write to an address of their choice; so a
//! letter that leaves in our name repeats no words that a mail program would turn into a link, and no
//! endless ones. One rule for subject, sender and text, whichever room writes.

use unicode_normalization::UnicodeNormalization as _;

/// Letters of a name in a letter: two of them and the words between fit one line on a phone's list,
/// and a made-up long name can't push the rest out of sight.
const NAME_CHARS_MAX: usize = 60;

/// A person's or an organization's name as a letter shows it: short and on one line. `None` when it
/// could be a link; the letter then says the same without it.
pub fn shown(name: &str) -> Option<String> {
    if could_be_a_link(name) {
        return None;
    }
    let plain = name.trim().chars().filter(|letter| !letter.is_control());
    let mut short: String = plain.clone().take(NAME_CHARS_MAX).collect();
    if plain.count() > NAME_CHARS_MAX {
        short.push('…');
    }
    Some(short).filter(|short| !short.is_empty())
}

/// Words of programs, such as a reference or what a browser calls itself, whose dots and slashes are
/// mostly versions and dates. `None` when they hold an address.
pub fn without_link(text: &str) -> Option<&str> {
    let plain = plain(text);
    let dotted = plain.chars().zip(plain.chars().skip(1)).any(|(dot, next)| dot == '.' && next.is_alphabetic());
    (!dotted && !plain.contains("://") && !plain.contains('@')).then_some(text)
}

fn could_be_a_link(name: &str) -> bool {
    plain(name).split_whitespace().any(|word| word.contains(['/', '@', ':']) || word.trim_end_matches('.').contains('.'))
}

/// With the dots, slashes and colons of other scripts as browsers read them (UTS 46, 2.3).
fn plain(text: &str) -> String {
    text.nfkc().map(|letter| if letter == '。' { '.' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_a_link_is_not_repeated() {
        for link in [
            "https://evil.example",
            "Win at evil.example now",
            "a/b",
            "ann@x.io",
            "PayPal. Verify: https://evil.example/pay",
            "evil。example",
            "evil．example",
        ] {
            assert_eq!(shown(link), None, "{link}");
        }
        for name in ["Ann Keller", "J. R. Smith", "Ó Briain", "Sammy Davis Jr.", "株式会社"] {
            assert_eq!(shown(name).as_deref(), Some(name));
        }
    }

    #[test]
    fn a_name_stays_short_and_on_one_line() {
        assert_eq!(shown(" Alice "), Some("Alice".to_owned()));
        assert_eq!(shown(&"x".repeat(300)).map(|short| short.chars().count()), Some(NAME_CHARS_MAX + 1));
        assert_eq!(shown("Alice\r\nBcc eve"), Some("AliceBcc eve".to_owned()));
        assert_eq!(shown(" "), None);
    }

    #[test]
    fn references_and_browsers_keep_their_versions() {
        for text in ["in_1Q2w3E", "order-2026.0815:7", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101", "curl/8.14.1"] {
            assert_eq!(without_link(text), Some(text));
        }
        for text in ["evil.example", "Pay at https://7/x", "order-1:www.evil.example", "ann@7"] {
            assert_eq!(without_link(text), None, "{text}");
        }
    }
}
