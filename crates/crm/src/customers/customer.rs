//! The entity and its types: the row, what creates it, what changes it, what is shown of it.

use kernel::{At, Check, CustomerId, Failure, MailAddress};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::known::Known;
use crate::{Locale, Patch, Phone, TimeZone};

/// Characters in a name: longer than any real one, short enough for a line of a table.
pub const NAME_LEN_MAX: usize = 200;
/// Characters in an organization's own reference: room for a UUID with a prefix, or an address.
pub const EXTERNAL_REF_LEN_MAX: usize = 200;

/// A row. The columns that end in `_normal` are what searching compares.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "customers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub name: String,
    pub name_normal: String,
    pub email: Option<String>,
    pub email_normal: Option<String>,
    /// E.164.
    pub phone: Option<String>,
    /// What the organization calls this customer; unique within it.
    pub external_ref: Option<String>,
    pub external_ref_normal: Option<String>,
    /// BCP 47.
    pub locale: Option<String>,
    /// IANA.
    pub timezone: Option<String>,
    pub archived_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn customer_id(&self) -> CustomerId {
        self.id.into()
    }

    pub fn set_name(&mut self, name: &str) {
        name.trim().clone_into(&mut self.name);
        self.name_normal = normal(name);
    }

    pub fn set_email(&mut self, email: Option<&MailAddress>) {
        self.email = email.map(|email| email.as_str().to_owned());
        self.email_normal = email.map(|email| email.normal().to_owned());
    }

    pub fn set_external_ref(&mut self, external_ref: Option<&str>) {
        self.external_ref = external_ref.map(|text| text.trim().to_owned());
        self.external_ref_normal = external_ref.map(normal);
    }
}

/// How a text is compared when somebody searches.
pub(super) fn normal(text: &str) -> String {
    text.trim().to_lowercase()
}

/// What a new customer needs: a name. Everything else may come later.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCustomer {
    #[schema(min_length = 1, max_length = 200, example = "Ada Lovelace")]
    pub name: String,
    #[schema(format = "email", example = "ada@example.com")]
    pub email: Option<String>,
    /// In international form.
    #[schema(example = "+27821234567")]
    pub phone: Option<String>,
    /// What you call this customer; unique among yours.
    #[schema(min_length = 1, max_length = 200)]
    pub external_ref: Option<String>,
    /// A language tag (BCP 47).
    #[schema(example = "en-ZA")]
    pub locale: Option<String>,
    /// A zone of the IANA database.
    #[schema(example = "Africa/Johannesburg")]
    pub timezone: Option<String>,
}

impl NewCustomer {
    /// The same, checked: 422 names every field that is wrong.
    pub fn known(&self) -> Result<Known, Failure> {
        let mut check = Check::new();
        check.text("name", &self.name, 1..=NAME_LEN_MAX);
        check.text_if("external_ref", self.external_ref.as_deref(), 1..=EXTERNAL_REF_LEN_MAX);
        let known = Known {
            name: Some(self.name.clone()),
            email: parsed(&mut check, "email", self.email.as_ref()),
            phone: parsed(&mut check, "phone", self.phone.as_ref()),
            external_ref: self.external_ref.clone(),
            locale: parsed(&mut check, "locale", self.locale.as_ref()),
            timezone: parsed(&mut check, "timezone", self.timezone.as_ref()),
        };
        check.done().map(|()| known)
    }
}

/// What shall become different. A field that is left out stays, `null` clears it.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeCustomer {
    /// Can't be cleared.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    pub name: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "email")]
    pub email: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub phone: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    pub external_ref: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub locale: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub timezone: Patch<String>,
    /// The version that you read: when somebody else was faster, the answer is 409 and nothing
    /// changes.
    pub version: Option<i32>,
}

impl ChangeCustomer {
    /// The row as it shall be: 422 names every field that is wrong.
    pub(super) fn applied(&self, row: &Model) -> Result<Model, Failure> {
        let mut check = Check::new();
        let mut next = row.clone();
        if let Some(name) = self.name.given() {
            let name = name.map_or("", String::as_str);
            check.text("name", name, 1..=NAME_LEN_MAX);
            next.set_name(name);
        }
        if let Some(email) = self.email.given() {
            next.set_email(parsed(&mut check, "email", email).as_ref());
        }
        if let Some(phone) = self.phone.given() {
            next.phone = parsed::<Phone>(&mut check, "phone", phone).map(|phone| phone.to_string());
        }
        if let Some(external_ref) = self.external_ref.given() {
            let external_ref = external_ref.map(String::as_str);
            check.text_if("external_ref", external_ref, 1..=EXTERNAL_REF_LEN_MAX);
            next.set_external_ref(external_ref);
        }
        if let Some(locale) = self.locale.given() {
            next.locale = parsed::<Locale>(&mut check, "locale", locale).map(|locale| locale.to_string());
        }
        if let Some(timezone) = self.timezone.given() {
            next.timezone = parsed::<TimeZone>(&mut check, "timezone", timezone).map(|zone| zone.to_string());
        }
        check.done().map(|()| next)
    }
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(check: &mut Check, field: &str, text: Option<&String>) -> Option<T> {
    text.and_then(|text| check.parse(field, text))
}

/// A customer as callers see one.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CustomerView {
    pub id: CustomerId,
    pub name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub external_ref: Option<String>,
    pub locale: Option<String>,
    pub timezone: Option<String>,
    #[serde(serialize_with = "kernel::instant::write")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: At,
    #[serde(serialize_with = "kernel::instant::write")]
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: At,
    #[serde(serialize_with = "kernel::instant::write_if")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub archived_at: Option<At>,
    pub version: i32,
}

impl From<Model> for CustomerView {
    fn from(row: Model) -> Self {
        Self {
            id: row.id.into(),
            name: row.name,
            email: row.email,
            phone: row.phone,
            external_ref: row.external_ref,
            locale: row.locale,
            timezone: row.timezone,
            created_at: row.created_at,
            updated_at: row.updated_at,
            archived_at: row.archived_at,
            version: row.version,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The row that this room's unit tests start from.
    pub fn ada() -> Model {
        let at = "2026-03-01T12:00:00Z".parse().expect("a valid instant");
        Model {
            id: Uuid::from_u128(1),
            org_id: Uuid::from_u128(2),
            name: "Ada".into(),
            name_normal: "ada".into(),
            email: Some("ada@example.com".into()),
            email_normal: Some("ada@example.com".into()),
            phone: Some("+27821234567".into()),
            external_ref: None,
            external_ref_normal: None,
            locale: None,
            timezone: None,
            archived_at: None,
            created_at: at,
            updated_at: at,
            version: 3,
        }
    }

    fn change(body: &str) -> ChangeCustomer {
        serde_json::from_str(body).expect("a readable body")
    }

    #[test]
    fn what_is_left_out_stays_and_null_clears() {
        let next = change(r#"{"phone":null,"external_ref":" Cust-7 "}"#).applied(&ada()).expect("a valid change");
        assert_eq!(next.email.as_deref(), Some("ada@example.com"));
        assert_eq!(next.phone, None);
        assert_eq!((next.external_ref.as_deref(), next.external_ref_normal.as_deref()), (Some("Cust-7"), Some("cust-7")));
    }

    #[test]
    fn the_address_is_compared_in_lower_case() {
        let next = change(r#"{"email":"Ada@Example.COM"}"#).applied(&ada()).expect("a valid change");
        assert_eq!((next.email.as_deref(), next.email_normal.as_deref()), (Some("Ada@Example.COM"), Some("ada@example.com")));
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let body = r#"{"name":null,"email":"ada","phone":"082","external_ref":"","locale":"english","timezone":"+02:00"}"#;
        let failure = change(body).applied(&ada()).expect_err("nothing of it is right");
        assert_eq!(failure.status, 422);
        assert_eq!(failure.fields.keys().collect::<Vec<_>>(), ["email", "external_ref", "locale", "name", "phone", "timezone"]);
        let new = NewCustomer { name: " ".into(), email: Some("ada".into()), ..NewCustomer::default() };
        assert_eq!(new.known().expect_err("a blank name").fields.keys().collect::<Vec<_>>(), ["email", "name"]);
    }

    #[test]
    fn nobody_sets_what_is_ours() {
        for body in [r#"{"id":"x"}"#, r#"{"org_id":"x"}"#, r#"{"archived_at":null}"#] {
            assert!(serde_json::from_str::<ChangeCustomer>(body).is_err(), "{body}");
        }
    }
}
