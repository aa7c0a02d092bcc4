//! The entity and its types: the row, what other rooms note, what is shown.

use kernel::{At, CustomerId};
use sea_orm::entity::prelude::*;
use serde::Serialize;
use utoipa::ToSchema;

kernel::id!(/// One line of a customer's timeline.
    pub struct EntryId("ent"));

/// A row. It is written once and never changed.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "timeline_entries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub customer_id: Uuid,
    pub kind: String,
    pub text: String,
    pub subject: Option<String>,
    pub actor: String,
    pub happened_at: DateTimeUtc,
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}

/// Something to note: what any room says about a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// `thing.happened`, such as `case.opened`: for filters and programs.
    pub kind: &'static str,
    /// One line for people. Longer than [`TEXT_LEN_MAX`](super::TEXT_LEN_MAX) is cut.
    pub text: String,
    /// The prefixed id of what it is about, such as `case_…`, if not the customer.
    pub subject: Option<String>,
    /// When it happened, which may be long before it is noted.
    pub at: At,
}

/// A line of the timeline as callers see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EntryView {
    pub id: EntryId,
    pub customer_id: CustomerId,
    /// `thing.happened`, such as `customer.archived`.
    #[schema(example = "customer.archived")]
    pub kind: String,
    /// One line for people.
    pub text: String,
    /// The id of what it is about, if not the customer.
    pub subject: Option<String>,
    /// Who did it: `usr_…`, `key_…`, `lnk_…` or `system:…`.
    pub actor: String,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub at: At,
}

impl From<Model> for EntryView {
    fn from(row: Model) -> Self {
        Self {
            id: row.id.into(),
            customer_id: row.customer_id.into(),
            kind: row.kind,
            text: row.text,
            subject: row.subject,
            actor: row.actor,
            at: row.happened_at,
        }
    }
}
