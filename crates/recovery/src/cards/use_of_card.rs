//! The entity.

use sea_orm::entity::prelude::*;

/// A row of `card_budget`: one attempt on a card, whoever made it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "card_budget")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub card_key: String,
    pub used_at: DateTimeUtc,
    /// What told of it, so that it is counted once.
    pub source_key: String,
    pub case_id: Option<Uuid>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
