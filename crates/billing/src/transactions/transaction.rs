//! The entity.

use kernel::{ConnectionId, CustomerId, Money, PaymentMethodId, TransactionId};
use sea_orm::entity::prelude::*;

use super::State;
use crate::provider::{RawDecline, Refs};

/// A row of `transactions`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "transactions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub connection_id: Option<Uuid>,
    pub gateway: String,
    pub source: String,
    pub obligation_key: String,
    pub psp_ids: Json,
    pub amount_due: i64,
    pub amount_paid: i64,
    pub currency: String,
    pub state: String,
    pub decline: Option<Json>,
    pub customer_id: Option<Uuid>,
    pub payment_method_id: Option<Uuid>,
    pub first_failed_at: Option<DateTimeUtc>,
    pub failed_at: Option<DateTimeUtc>,
    pub paid_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn transaction_id(&self) -> TransactionId {
        self.id.into()
    }

    /// What it is known by on the wire.
    pub fn reference(&self) -> &str {
        &self.obligation_key
    }

    pub fn connection(&self) -> Option<ConnectionId> {
        self.connection_id.map(Into::into)
    }

    pub fn customer(&self) -> Option<CustomerId> {
        self.customer_id.map(Into::into)
    }

    pub fn payment_method(&self) -> Option<PaymentMethodId> {
        self.payment_method_id.map(Into::into)
    }

    /// The table's CHECK allows no other text.
    pub fn state(&self) -> State {
        self.state.parse().unwrap_or(State::Disputed)
    }

    pub fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.currency.parse().expect("only currencies of ISO 4217 are stored"))
    }

    pub fn due(&self) -> Money {
        self.money(self.amount_due)
    }

    /// What is still owed; nothing once it is paid, void or refunded.
    pub fn owed(&self) -> Money {
        self.money(if self.state().is_owed() { self.amount_due - self.amount_paid } else { 0 })
    }

    /// The provider's ids.
    pub fn refs(&self) -> Refs {
        serde_json::from_value(self.psp_ids.clone()).unwrap_or_default()
    }

    /// The last decline.
    pub fn decline(&self) -> Option<RawDecline> {
        self.decline.clone().and_then(|decline| serde_json::from_value(decline).ok())
    }
}

/// Within what an obligation key is unique: a connection, or a gateway that we are not connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub connection: Option<ConnectionId>,
    pub gateway: String,
}

impl Source {
    /// One column for both, because a NULL would make no two rows equal.
    pub fn key(&self) -> String {
        match self.connection {
            Some(connection) => connection.to_string(),
            None => format!("gateway:{}", self.gateway),
        }
    }
}
