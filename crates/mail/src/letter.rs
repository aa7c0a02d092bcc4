//! A letter before it is sent, and the templates that it is made from.

use askama::Template as _;
use chrono::TimeDelta;
use kernel::{At, Check, Failure, MailAddress};
use serde::{Deserialize, Serialize};

use crate::layout::{HtmlLayout, TextLayout};

/// The longest subject: one line of 998 octets (RFC 5322, 2.1.1) holds it however it is encoded.
const SUBJECT_LEN_MAX: usize = 200;

/// The longest text or HTML: beyond about 100 KB the big mail services cut a message off.
const BODY_BYTES_MAX: usize = 100 * 1024;

/// The longest key and sender's name.
const KEY_LEN_MAX: usize = 200;

/// How long a letter is worth sending unless it says so itself: older news is no news.
pub(crate) const LIFETIME: TimeDelta = TimeDelta::days(3);

/// One kind of mail. Its HTML is only the body's inside; the frame is the same for all mails.
///
/// For a greeting, some sentences and one link, [`crate::Note`] is a template already.
pub trait MailTemplate {
    fn subject(&self) -> String;
    /// For readers without HTML: the same words.
    fn text(&self) -> Result<String, askama::Error>;
    /// The inside of the body, escaped.
    fn html(&self) -> Result<String, askama::Error>;
}

/// A finished letter to one person.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    pub to: MailAddress,
    pub subject: String,
    pub text: String,
    pub html: String,
    /// At most one letter per organization carries this key; a second one is not sent.
    pub dedupe: String,
    /// Not sent after this instant: a link in it would be dead.
    pub expires_at: Option<At>,
    /// A name in front of our own address, such as the company on whose behalf we write.
    pub from_name: Option<String>,
}

impl Letter {
    /// Renders a template into the shared layout.
    pub fn from_template<T: MailTemplate>(template: &T, to: MailAddress, dedupe: impl Into<String>) -> Result<Self, Failure> {
        let subject = template.subject();
        let text = template.text().map_err(Failure::internal)?;
        let html = template.html().map_err(Failure::internal)?;
        Ok(Self {
            to,
            text: TextLayout { body: text.trim() }.render().map_err(Failure::internal)?,
            html: HtmlLayout { title: &subject, body: &html }.render().map_err(Failure::internal)?,
            subject,
            dedupe: dedupe.into(),
            expires_at: None,
            from_name: None,
        })
    }

    /// Not to be sent after `at`.
    #[must_use]
    pub fn expiring(self, at: At) -> Self {
        Self { expires_at: Some(at), ..self }
    }

    /// Shown as the sender, in front of our own address.
    #[must_use]
    pub fn from_name(self, name: impl Into<String>) -> Self {
        Self { from_name: Some(name.into()), ..self }
    }

    /// Refuses what must not become a message. Control characters above all: a line break in a
    /// header would begin another header.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let mut check = Check::new();
        check.text("subject", &self.subject, 1..=SUBJECT_LEN_MAX);
        check.text("dedupe", &self.dedupe, 1..=KEY_LEN_MAX);
        check.text_if("from_name", self.from_name.as_deref(), 1..=KEY_LEN_MAX);
        for (field, body) in [("text", &self.text), ("html", &self.html)] {
            check.that(!body.trim().is_empty(), field, "must not be empty: every mail has text and HTML");
            check.that(body.len() <= BODY_BYTES_MAX, field, format!("must not be longer than {BODY_BYTES_MAX} bytes"));
        }
        check.done()
    }

    pub(crate) fn words(&self) -> Words {
        Words { subject: self.subject.clone(), text: self.text.clone(), html: self.html.clone(), from_name: self.from_name.clone() }
    }
}

/// Shows no word of the letter: it may hold a link that signs somebody in.
impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Letter").field("to", &self.to).field("dedupe", &self.dedupe).finish_non_exhaustive()
    }
}

/// What is sealed at rest and erased after delivery: everything that is said.
#[derive(Serialize, Deserialize)]
pub(crate) struct Words {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
    pub(crate) from_name: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::Note;

    fn letter() -> Letter {
        let note = Note::new("Your <receipt>").line("Thank you & see you.").action("See it", "https://shop.test/r?a=1&b=2");
        Letter::from_template(&note, "ann@x.io".parse().expect("valid"), "receipt:1").expect("renders")
    }

    #[test]
    fn every_letter_says_the_same_in_text_and_html() {
        let letter = letter();
        letter.check().expect("a good letter");
        insta::assert_snapshot!("text", letter.text);
        insta::assert_snapshot!("html", letter.html);
    }

    #[test]
    fn no_header_can_be_smuggled_in() {
        for subject in ["Hi\r\nBcc: eve@x.io", "Hi\nX: y", "Hi\0", "", " "] {
            let wrong = Letter { subject: subject.to_owned(), ..letter() };
            assert!(wrong.check().is_err(), "{subject:?}");
        }
        assert!(letter().from_name("Acme\r\nBcc: eve@x.io").check().is_err());
    }

    #[test]
    fn a_letter_needs_both_bodies_and_has_a_limit() {
        assert!(Letter { text: " ".into(), ..letter() }.check().is_err());
        assert!(Letter { html: String::new(), ..letter() }.check().is_err());
        assert!(Letter { html: "x".repeat(BODY_BYTES_MAX + 1), ..letter() }.check().is_err());
    }

    #[test]
    fn a_log_line_shows_no_word_of_it() {
        assert!(!format!("{:?}", letter()).contains("Thank you"));
    }
}
