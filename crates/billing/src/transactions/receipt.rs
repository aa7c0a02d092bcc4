//! A movement of money.

use kernel::Money;
use sea_orm::entity::prelude::*;

use crate::event::SurplusReceived;
use crate::provider::Refs;

/// A row of `receipts`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "receipts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub transaction_id: Uuid,
    pub source: String,
    pub money_key: String,
    pub psp_ids: Json,
    pub amount: i64,
    /// The part that pays the obligation.
    pub counted: i64,
    /// The part that is given back because it was not owed.
    pub surplus: i64,
    /// The sum of all refunds of it so far.
    pub refunded: i64,
    pub currency: String,
    pub via: String,
    pub received_at: DateTimeUtc,
    /// The provider's id of our refund of the surplus.
    pub refund_ref: Option<String>,
    /// Since when its surplus waits for a person to give it back.
    pub by_hand_since: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Its surplus, as it was told when it arrived.
    pub fn surplus_event(&self) -> SurplusReceived {
        let currency = self.currency.parse().expect("only currencies of ISO 4217 are stored");
        SurplusReceived { transaction: self.transaction_id.into(), receipt: self.id, surplus: Money::new(self.surplus, currency) }
    }

    /// What of the surplus has not gone back yet, as far as the provider told.
    pub fn surplus_left(&self) -> i64 {
        (self.surplus - self.refunded).max(0)
    }

    pub fn refs(&self) -> Refs {
        serde_json::from_value(self.psp_ids.clone()).unwrap_or_default()
    }
}
