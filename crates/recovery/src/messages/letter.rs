//! The words that a payer reads.

use chrono::{DateTime, Duration};
use chrono_tz::Tz;
use kernel::{At, Money};
use mail::Note;

use crate::classify::class::words;
use crate::classify::{Class, Hardness};

words! {
    /// What a payer is asked to do. The reason behind it is not told.
    pub enum Template {
        /// Nothing but to know of it; paying at once is offered.
        PaymentFailed = "payment_failed",
        /// To pay, with this or another card.
        PayNow = "pay_now",
        /// To confirm the payment with the bank.
        Confirm = "confirm_payment",
    }
}

impl Template {
    /// Many reasons lead to one request, so that the request tells no reason.
    pub const fn of(class: Class, hardness: Hardness) -> Self {
        match (class, hardness) {
            (Class::AuthRequired, _) => Self::Confirm,
            (_, Hardness::Soft) => Self::PaymentFailed,
            _ => Self::PayNow,
        }
    }
}

/// A mail to a payer before it is a letter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PayerMail<'a> {
    pub template: Template,
    /// The company that is owed; `None` for a name that no letter repeats.
    pub company: Option<&'a str>,
    pub amount: Money,
    /// What the company calls the payment, under the same rule.
    pub reference: Option<&'a str>,
    pub link: &'a str,
    pub lifetime_h: u32,
    pub sent_at: At,
    pub zone: Tz,
    /// Messages that were written before about the same payment.
    pub earlier: usize,
}

impl PayerMail<'_> {
    /// Text and HTML come from the same words.
    pub fn note(&self) -> Note {
        let amount = self.amount;
        let to = self.company.map_or_else(String::new, |company| format!(" to {company}"));
        let reference = self.reference.map_or_else(String::new, |reference| format!(" (reference {reference})"));
        let subject = match (self.template, self.earlier) {
            (Template::Confirm, _) => format!("Please confirm your payment{to}"),
            (_, 0) => format!("Your payment{to} did not go through"),
            _ => format!("Reminder: your payment{to} is still open"),
        };
        Note::new(subject)
            .line("Hello,")
            .line(format!("your payment of {amount}{to}{reference} did not go through."))
            .line(self.request())
            .action(format!("Pay {amount}"), self.link)
            .after(format!("This link works once and for {}: until {}.", self.lifetime(), self.until()))
            .after("If you have paid in the meantime, there is nothing left to do.")
            .after(format!("You get this mail because of a payment{to}. If you do not know of it, please ignore it."))
    }

    const fn request(&self) -> &'static str {
        match self.template {
            Template::PaymentFailed => {
                "Often it works at the next try, and we will try again. You can also pay right now, with the same card or with another one."
            }
            Template::PayNow => "Please pay with the link below. You can use another card or another way to pay.",
            Template::Confirm => "Your bank asks you to confirm it yourself. With the link below this takes a minute.",
        }
    }

    fn lifetime(&self) -> String {
        match self.lifetime_h {
            1 => "one hour".to_owned(),
            hours => format!("{hours} hours"),
        }
    }

    /// When the link ends, on the payer's own clock.
    fn until(&self) -> String {
        let end: DateTime<Tz> = (self.sent_at + Duration::hours(i64::from(self.lifetime_h))).with_timezone(&self.zone);
        end.format("%-d %B %Y, %H:%M %Z").to_string()
    }
}

#[cfg(test)]
mod tests {
    use mail::MailTemplate as _;

    use super::*;

    fn mail(template: Template) -> PayerMail<'static> {
        PayerMail {
            template,
            company: Some("Acme & Sons"),
            amount: Money::new(4200, "EUR".parse().expect("a currency")),
            reference: Some("in_1"),
            link: "https://pay.test/pay/abc",
            lifetime_h: 24,
            sent_at: "2026-11-20T09:00:00Z".parse().expect("an instant"),
            zone: chrono_tz::Europe::Berlin,
            earlier: 0,
        }
    }

    #[test]
    fn no_mail_says_why_a_card_was_declined() {
        for class in Class::ALL {
            for hardness in Hardness::ALL {
                let note = mail(Template::of(*class, *hardness)).note();
                let said = format!("{} {}", note.subject(), note.text().expect("renders")).to_lowercase();
                for word in ["lost", "stolen", "fraud", "expired", "insufficient", "funds", "block", "declin", "restrict", "revoke"] {
                    assert!(!said.contains(word), "{class} {hardness}: {word} in {said}");
                }
            }
        }
    }

    #[test]
    fn a_mail_states_how_long_its_link_really_works() {
        let text = mail(Template::PayNow).note().text().expect("renders");
        assert!(text.contains("24 hours: until 21 November 2026, 10:00 CET"), "{text}");
        let week = PayerMail { lifetime_h: 168, ..mail(Template::PayNow) }.note().text().expect("renders");
        assert!(week.contains("168 hours") && !week.contains("24 hours"), "{week}");
    }

    #[test]
    fn text_and_html_carry_the_link_and_html_is_escaped() {
        let note = mail(Template::PaymentFailed).note();
        let (text, html) = (note.text().expect("renders"), note.html().expect("renders"));
        assert!(text.contains("https://pay.test/pay/abc") && html.contains("https://pay.test/pay/abc"));
        assert!(!html.contains("Acme & Sons"), "{html}");
    }
}
