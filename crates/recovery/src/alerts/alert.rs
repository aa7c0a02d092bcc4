//! The entity.

use billing::event::Attention;
use kernel::At;
use sea_orm::entity::prelude::*;
use serde::Serialize;
use utoipa::ToSchema;

/// A row of `case_alerts`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "case_alerts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub case_id: Uuid,
    pub kind: String,
    /// The movement of money, the receipt or the event: one alert for each.
    pub about: String,
    /// One sentence for people.
    pub text: String,
    pub raised_at: DateTimeUtc,
    /// When it was over; until then a person has to look.
    pub ended_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}

/// Something that a person has to look at.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = CaseAlertView)]
pub struct AlertView {
    pub kind: Attention,
    /// One sentence for people.
    pub text: String,
    #[schema(value_type = String, format = DateTime)]
    pub raised_at: At,
    /// When it was over, if it is.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<At>,
}

impl From<Model> for AlertView {
    fn from(row: Model) -> Self {
        let kind = Attention::ALL.into_iter().find(|kind| kind.name() == row.kind).expect("the table allows only these words");
        Self { kind, text: row.text, raised_at: row.raised_at, ended_at: row.ended_at }
    }
}
