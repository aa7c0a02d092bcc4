//! Which passwords are refused: too short, widely known, made of the person's own words, or easy
//! to guess. There are no composition rules (ASVS 6.2.5): a long sentence is a good password.

use std::collections::HashSet;
use std::sync::LazyLock;

use zxcvbn::{Score, zxcvbn};

use super::Password;

/// Passwords that open other people's doors every day, in lower case, one a line: those of the three
/// thousand most used that have the eight characters which are the least anywhere, and others of that
/// kind. The estimate of guessing effort below knows some thirty thousand more.
static COMMON: LazyLock<HashSet<&'static str>> = LazyLock::new(|| include_str!("common.txt").lines().collect());

/// The name of the product is the first word that people put into its password.
const PRODUCT: &str = "autorisen";

/// Shorter words ("ann", "the") occur in good passwords by chance.
const OWN_WORD_CHARS_MIN: usize = 4;

/// What must be left of a password once the words known from the person's names are taken out.
const REST_CHARS_MIN: usize = 8;

/// What an attacker knows about the owner anyway.
#[derive(Debug, Clone, Default)]
pub struct About {
    pub email: String,
    /// Theirs, and those of their organizations.
    pub names: Vec<String>,
}

/// The rules in force.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Characters (code points) that a password has at least.
    pub chars_min: usize,
}

impl Rules {
    /// `Err` says, in words for the person, why the password is refused.
    pub fn judge(self, password: &Password, about: &About) -> Result<(), String> {
        let text = password.text();
        if text.chars().count() < self.chars_min {
            return Err(format!("must have at least {} characters; a short sentence is easy to remember", self.chars_min));
        }
        let lower = text.to_lowercase();
        if COMMON.contains(lower.as_str()) || is_one_pattern(&lower) {
            return Err("is on the lists of widely used passwords; choose another".into());
        }
        let own = OwnWords::of(about);
        if own.fill(&lower) {
            return Err("must not be made of your name, your address, your organization or the name of this product".into());
        }
        let inputs: Vec<&str> = own.all().collect();
        if zxcvbn(text, &inputs).score() < Score::Three {
            return Err("is too easy to guess; add a few unrelated words".into());
        }
        Ok(())
    }
}

/// One short piece repeated over and over, such as `abcabcabcabc`.
fn is_one_pattern(text: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    (1..=4).any(|size| letters.len() >= size * 3 && letters.iter().enumerate().all(|(at, letter)| *letter == letters[at % size]))
}

/// The words that this person must not use.
struct OwnWords {
    /// As a whole nowhere in the password.
    whole: Vec<String>,
    /// Parts of names: allowed beside enough else, because people are also called "Summer".
    parts: Vec<String>,
}

impl OwnWords {
    fn of(about: &About) -> Self {
        let (local, domain) = about.email.split_once('@').unwrap_or((about.email.as_str(), ""));
        let names = about.names.iter().map(String::as_str);
        let whole = names.clone().chain([PRODUCT, local]);
        let parts = names.chain([local, domain]);
        Self {
            whole: long_enough(whole.map(squeeze)),
            parts: long_enough(parts.flat_map(|text| text.split(|c: char| !c.is_alphanumeric())).map(squeeze)),
        }
    }

    fn all(&self) -> impl Iterator<Item = &str> {
        self.whole.iter().chain(&self.parts).map(String::as_str)
    }

    /// Whether the password, in lower case, holds a whole word, or hardly anything besides parts.
    fn fill(&self, lower: &str) -> bool {
        let squeezed = squeeze(lower);
        if self.whole.iter().any(|word| squeezed.contains(word.as_str())) {
            return true;
        }
        let rest = self.parts.iter().fold(lower.to_owned(), |rest, word| rest.replace(word.as_str(), ""));
        rest.chars().count() < lower.chars().count().min(REST_CHARS_MIN)
    }
}

fn long_enough(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut words: Vec<String> = words.filter(|word| word.chars().count() >= OWN_WORD_CHARS_MIN).collect();
    // Longest first, so that a part doesn't break up a longer word that holds it.
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words.dedup();
    words
}

/// Letters and digits only, in lower case: `Acme, Inc.` and `acme-inc` are one word.
fn squeeze(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::super::BYTES_MAX;
    use super::*;
    use kernel::Secret;

    const RULES: Rules = Rules { chars_min: 12 };

    fn ann() -> About {
        About { email: "ann.keller@initech.example".to_owned(), names: ["Ann Keller", "Initech GmbH", "initech"].map(str::to_owned).into() }
    }

    fn judge(text: &str) -> Result<(), String> {
        RULES.judge(&Password::read(&Secret::new(text)).unwrap(), &ann())
    }

    #[test]
    fn a_sentence_passes_without_digits_or_capitals() {
        for good in [
            "violet tractor sings beneath",
            "s0lar-Kettle_harbour-41",
            "лиса прыгает через забор",
            "🦊🐢🚲🌋🎻🧊🪁🥨🛶🧲🪵🧶 and tea",
            "Str0ng-Passw0rd-For-Tests!",
        ] {
            assert_eq!(judge(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn long_passwords_pass_up_to_the_byte_limit() {
        let long = "violet tractor sings beneath ".repeat(9);
        assert_eq!(judge(&long[..256]), Ok(()));
        assert!(Password::read(&Secret::new("x".repeat(BYTES_MAX + 1))).is_err());
    }

    #[test]
    fn short_known_and_guessable_ones_are_refused() {
        for bad in [
            "short",
            "Password123!",
            "correcthorsebatterystaple",
            "aaaaaaaaaaaaaaaa",
            "abcabcabcabcabc",
            "qwertyuiop12",
            "1234567890123",
            "iloveyou2026",
        ] {
            assert!(judge(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_listed_password_is_refused() {
        let eight = Rules { chars_min: 8 };
        for listed in COMMON.iter() {
            assert!(eight.judge(&Password::read(&Secret::new(*listed)).unwrap(), &ann()).is_err(), "{listed}");
        }
    }

    #[test]
    fn own_words_are_refused() {
        for bad in [
            "ann.keller@initech.example",
            "Initech-tractor-violet",
            "violet-annkeller-tractor",
            "AUTORISEN-violet-tractor",
            "keller-example",
        ] {
            assert!(judge(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_part_of_a_name_may_stand_beside_enough_else() {
        assert_eq!(judge("keller violet tractor sings"), Ok(()));
    }

    #[test]
    fn two_ways_to_type_a_letter_are_one_password() {
        let (composed, decomposed) = (Secret::new("caf\u{e9}"), Secret::new("cafe\u{301}"));
        assert_eq!(Password::read(&composed).unwrap().text(), Password::read(&decomposed).unwrap().text());
    }
}
