//! From a letter to a message of RFC 5322.

use kernel::At;
use lettre::Message;
use lettre::message::{Mailbox, MultiPart};

use crate::mail::{MailId, Queued};

/// Builds the message. The library encodes every header. Control characters were refused when the
/// letter was handed over; should one be here all the same, it becomes a space.
pub(crate) fn build(from: &Mailbox, domain: &str, id: MailId, queued: &Queued, now: At) -> Result<Message, lettre::error::Error> {
    let sender = match &queued.words.from_name {
        Some(name) => Mailbox::new(Some(one_line(name)), from.email.clone()),
        None => from.clone(),
    };
    let to = queued.to.as_str().parse().map(|address| Mailbox::new(None, address));
    Message::builder()
        .from(sender)
        .to(to.map_err(|_| lettre::error::Error::EmailMissingAt)?)
        .subject(one_line(&queued.words.subject))
        .date(now.into())
        .message_id(Some(format!("<{id}@{domain}>")))
        .multipart(MultiPart::alternative_plain_html(queued.words.text.clone(), queued.words.html.clone()))
}

fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::letter::Words;

    fn noon() -> At {
        "2026-03-01T12:00:00Z".parse().expect("a valid instant")
    }

    fn queued(subject: &str, from_name: Option<&str>) -> Queued {
        let words = Words {
            subject: subject.to_owned(),
            text: "Hello".to_owned(),
            html: "<p>Hello</p>".to_owned(),
            from_name: from_name.map(str::to_owned),
        };
        Queued { to: "ann@x.io".parse().expect("valid"), words, expires_at: noon(), may_have_left: false }
    }

    fn formatted(queued: &Queued) -> String {
        let from = "Shop <shop@y.io>".parse().expect("valid");
        let id = MailId(uuid::Uuid::nil());
        let message = build(&from, "shop.test", id, queued, noon()).expect("builds");
        String::from_utf8(message.formatted()).expect("mail is ASCII")
    }

    #[test]
    fn the_message_id_is_the_same_for_every_try() {
        let once = formatted(&queued("Hi", None));
        assert!(once.contains("Message-ID: <mal_00000000000000000000000000@shop.test>"), "{once}");
        assert!(once.contains("From: Shop <shop@y.io>") || once.contains("From: \"Shop\" <shop@y.io>"), "{once}");
        assert!(once.contains("Date: Sun, 01 Mar 2026 12:00:00 +0000"), "{once}");
    }

    #[test]
    fn even_an_unchecked_line_break_begins_no_header() {
        let smuggled = formatted(&queued("Hi\r\nBcc: eve@x.io", Some("Acme\r\nBcc: eve@x.io")));
        assert!(!smuggled.to_lowercase().lines().any(|line| line.starts_with("bcc:")), "{smuggled}");
    }
}
