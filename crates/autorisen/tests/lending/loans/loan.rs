//! The entity and its types.

use autorisen::kernel::{At, Check, Failure};
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::LoanId;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "loans")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub book: String,
    pub borrower: String,
    pub due_on: Date,
    pub returned_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}

/// A book to lend.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLoan {
    #[schema(min_length = 1, max_length = 200)]
    pub book: String,
    #[schema(min_length = 1, max_length = 200)]
    pub borrower: String,
    #[schema(value_type = String, format = Date)]
    pub due_on: Date,
}

impl NewLoan {
    /// 422 with every field that is wrong.
    pub fn check(&self) -> Result<(), Failure> {
        let mut check = Check::new();
        check.text("book", &self.book, 1..=200).text("borrower", &self.borrower, 1..=200);
        check.done()
    }
}

/// A loan as callers see it.
#[derive(Debug, Serialize, ToSchema)]
pub struct LoanView {
    pub id: LoanId,
    pub book: String,
    pub borrower: String,
    #[schema(value_type = String, format = Date)]
    pub due_on: Date,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub returned_at: Option<At>,
}

impl From<Model> for LoanView {
    fn from(row: Model) -> Self {
        Self { id: row.id.into(), book: row.book, borrower: row.borrower, due_on: row.due_on, returned_at: row.returned_at }
    }
}
