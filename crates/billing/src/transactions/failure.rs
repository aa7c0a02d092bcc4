//! A failed charge.

use sea_orm::entity::prelude::*;

use crate::provider::RawDecline;

/// A row of `payment_failures`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payment_failures")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub transaction_id: Uuid,
    /// The charge if it is known, else the report.
    pub failure_key: String,
    pub charge: Option<String>,
    pub occurred_at: DateTimeUtc,
    pub decline: Json,
    pub payment_method_id: Option<Uuid>,
    pub event_row_id: Option<Uuid>,
    /// The case that recovery opened for it.
    pub case_id: Option<Uuid>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn raw_decline(&self) -> RawDecline {
        serde_json::from_value(self.decline.clone()).unwrap_or_default()
    }
}
