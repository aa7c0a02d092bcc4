//! What is different between two states of a customer: for the audit trail, the event and the
//! timeline, which all say the same.

use sea_orm::IntoActiveModel as _;
use serde_json::{Map, Value};

use super::customer::{ActiveModel, Model};

/// One field with another value.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Change {
    /// The wire name.
    field: &'static str,
    /// The word for people.
    label: &'static str,
    before: Option<String>,
    after: Option<String>,
}

/// All fields with another value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference(Vec<Change>);

impl Difference {
    pub(super) fn between(before: &Model, after: &Model) -> Self {
        let change = |field, label, old: Option<&String>, new: Option<&String>| {
            (old != new).then(|| Change { field, label, before: old.cloned(), after: new.cloned() })
        };
        let all = [
            change("name", "name", Some(&before.name), Some(&after.name)),
            change("email", "email", before.email.as_ref(), after.email.as_ref()),
            change("phone", "phone", before.phone.as_ref(), after.phone.as_ref()),
            change("external_ref", "reference", before.external_ref.as_ref(), after.external_ref.as_ref()),
            change("locale", "language", before.locale.as_ref(), after.locale.as_ref()),
            change("timezone", "time zone", before.timezone.as_ref(), after.timezone.as_ref()),
        ];
        Self(all.into_iter().flatten().collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The wire names of the fields.
    pub(super) fn fields(&self) -> Vec<String> {
        self.0.iter().map(|change| change.field.to_owned()).collect()
    }

    /// Only the changed fields, as they were.
    pub(super) fn before(&self) -> Value {
        self.values(|change| change.before.as_ref())
    }

    /// Only the changed fields, as they are.
    pub(super) fn after(&self) -> Value {
        self.values(|change| change.after.as_ref())
    }

    fn values(&self, side: impl Fn(&Change) -> Option<&String>) -> Value {
        let value = |change: &Change| (change.field.to_owned(), side(change).map_or(Value::Null, |text| Value::from(text.as_str())));
        Value::Object(self.0.iter().map(value).collect::<Map<_, _>>())
    }

    /// One line for the timeline: `Changed email: a@x.io → b@x.io; added phone: +27…`.
    pub(super) fn sentence(&self) -> String {
        let part = |change: &Change| match (&change.before, &change.after) {
            (Some(before), Some(after)) => format!("changed {}: {before} → {after}", change.label),
            (None, Some(after)) => format!("added {}: {after}", change.label),
            (before, None) => format!("removed {}: {}", change.label, before.as_deref().unwrap_or_default()),
        };
        let parts = self.0.iter().map(part).collect::<Vec<_>>().join("; ");
        let mut letters = parts.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
    }
}

/// The row's update: only what is different is written; the version that was read goes along.
pub(super) fn update(before: Model, after: Model) -> ActiveModel {
    let mut row = before.into_active_model();
    row.name.set_if_not_equals(after.name);
    row.name_normal.set_if_not_equals(after.name_normal);
    row.email.set_if_not_equals(after.email);
    row.email_normal.set_if_not_equals(after.email_normal);
    row.phone.set_if_not_equals(after.phone);
    row.external_ref.set_if_not_equals(after.external_ref);
    row.external_ref_normal.set_if_not_equals(after.external_ref_normal);
    row.locale.set_if_not_equals(after.locale);
    row.timezone.set_if_not_equals(after.timezone);
    row.archived_at.set_if_not_equals(after.archived_at);
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row() -> Model {
        crate::customers::customer::tests::ada()
    }

    #[test]
    fn all_three_readers_hear_the_same() {
        let mut next = row();
        next.set_email("ada@new.example".parse().ok().as_ref());
        next.phone = None;
        next.locale = Some("en-ZA".into());
        let difference = Difference::between(&row(), &next);
        assert_eq!(difference.fields(), ["email", "phone", "locale"]);
        assert_eq!(difference.before(), json!({ "email": "ada@example.com", "phone": "+27821234567", "locale": null }));
        assert_eq!(difference.after(), json!({ "email": "ada@new.example", "phone": null, "locale": "en-ZA" }));
        let said = "Changed email: ada@example.com → ada@new.example; removed phone: +27821234567; added language: en-ZA";
        assert_eq!(difference.sentence(), said);
    }

    #[test]
    fn only_what_differs_is_written() {
        let mut next = row();
        next.set_name("Grace");
        let active = update(row(), next);
        assert!(active.name.is_set() && active.name_normal.is_set());
        assert!(!active.email.is_set() && !active.phone.is_set() && !active.archived_at.is_set());
        assert!(Difference::between(&row(), &row()).is_empty());
    }
}
