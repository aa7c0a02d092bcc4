//! The entity.

use kernel::{AttemptId, Money};
use sea_orm::entity::prelude::*;

use super::AttemptState;
use crate::classify::Decline;

/// A row of `attempts`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "attempts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub case_id: Uuid,
    pub number: i32,
    pub kind: String,
    pub state: String,
    pub planned_for: DateTimeUtc,
    /// Until then the worker that claimed it is trusted to be alive.
    pub claimed_until: Option<DateTimeUtc>,
    /// `rc:{attempt}`: the same for every try of sending it.
    pub idempotency_key: String,
    /// What was sent, so that the same can be asked about again.
    pub action: Option<Json>,
    pub submitted_at: Option<DateTimeUtc>,
    pub finished_at: Option<DateTimeUtc>,
    /// The provider's name of the payment.
    pub provider_ref: Option<String>,
    pub decline: Option<Json>,
    /// Why it was made, in plain words.
    pub reason: String,
    pub amount_minor: i64,
    pub paid_before_minor: i64,
    pub due_minor: i64,
    pub currency: String,
    pub counts_to_network: bool,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn attempt_id(&self) -> AttemptId {
        self.id.into()
    }

    pub fn state(&self) -> AttemptState {
        AttemptState::parse(&self.state).expect("the table allows only our words")
    }

    pub fn amount(&self) -> Money {
        Money::new(self.amount_minor, self.currency.parse().expect("only currencies are stored"))
    }

    /// The verdict on this attempt's decline.
    pub fn verdict(&self) -> Option<Decline> {
        self.decline.clone().and_then(|decline| serde_json::from_value(decline).ok())
    }
}
