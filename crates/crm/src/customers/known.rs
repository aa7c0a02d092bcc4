//! What is known of a customer, checked: what both request bodies turn into, and what other rooms
//! hand over when they meet somebody for the first time.

use kernel::MailAddress;
use sea_orm::Set;

use super::customer::{ActiveModel, Model, NAME_LEN_MAX, normal};
use crate::{Locale, Phone, TimeZone};

/// The name of somebody of whom nothing is known.
const NAMELESS: &str = "Unnamed customer";

/// Facts about a customer; each may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    pub name: Option<String>,
    pub email: Option<MailAddress>,
    pub phone: Option<Phone>,
    /// What the organization calls this customer.
    pub external_ref: Option<String>,
    pub timezone: Option<TimeZone>,
    pub locale: Option<Locale>,
}

impl Known {
    /// A name for the lists: the given one, else whatever tells this customer from others.
    fn display_name(&self) -> String {
        let given = self.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
        let name = given
            .or(self.email.as_ref().map(MailAddress::as_str))
            .or(self.external_ref.as_deref())
            .map(str::to_owned)
            .or_else(|| self.phone.as_ref().map(ToString::to_string))
            .unwrap_or_else(|| NAMELESS.to_owned());
        name.chars().filter(|letter| !letter.is_control()).take(NAME_LEN_MAX).collect()
    }

    /// A new row, without its id.
    pub(super) fn row(self) -> ActiveModel {
        let name = self.display_name();
        ActiveModel {
            name_normal: Set(normal(&name)),
            name: Set(name),
            email_normal: Set(self.email.as_ref().map(|email| email.normal().to_owned())),
            email: Set(self.email.map(|email| email.as_str().to_owned())),
            phone: Set(self.phone.map(|phone| phone.to_string())),
            external_ref_normal: Set(self.external_ref.as_deref().map(normal)),
            external_ref: Set(self.external_ref.map(|text| text.trim().to_owned())),
            locale: Set(self.locale.map(|locale| locale.to_string())),
            timezone: Set(self.timezone.map(|zone| zone.to_string())),
            archived_at: Set(None),
            ..Default::default()
        }
    }

    /// The row with its gaps filled. What it already says stays: people correct rows by hand, and
    /// a payment's data must not undo that.
    pub(super) fn filling(&self, row: &Model) -> Model {
        let mut next = row.clone();
        if next.email.is_none() {
            next.set_email(self.email.as_ref());
        }
        if next.external_ref.is_none() {
            next.set_external_ref(self.external_ref.as_deref());
        }
        next.phone = next.phone.or_else(|| self.phone.as_ref().map(ToString::to_string));
        next.locale = next.locale.or_else(|| self.locale.as_ref().map(ToString::to_string));
        next.timezone = next.timezone.or_else(|| self.timezone.map(|zone| zone.to_string()));
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(known: Known) -> String {
        known.display_name()
    }

    #[test]
    fn somebody_without_a_name_is_called_by_what_is_known() {
        let email: Option<MailAddress> = "Ann@example.com".parse().ok();
        let phone: Option<Phone> = "+27821234567".parse().ok();
        assert_eq!(named(Known { name: Some(" Ann ".into()), email: email.clone(), ..Known::default() }), "Ann");
        assert_eq!(named(Known { name: Some(" ".into()), email, phone: phone.clone(), ..Known::default() }), "Ann@example.com");
        assert_eq!(named(Known { phone, ..Known::default() }), "+27821234567");
        assert_eq!(named(Known::default()), NAMELESS);
    }

    #[test]
    fn a_providers_name_is_cut_and_cleaned() {
        let name = named(Known { name: Some(format!("A\u{0}\n{}", "b".repeat(500))), ..Known::default() });
        assert_eq!(name.chars().count(), NAME_LEN_MAX);
        assert!(name.starts_with("Ab"));
    }
}
