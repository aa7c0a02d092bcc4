//! The entity.

use kernel::{At, CaseId, Currency, Money, TransactionId};
use sea_orm::entity::prelude::*;

use super::CaseState;
use crate::classify::{Class, Decline, Hardness};
use crate::policy::{Explanation, Hold, Owner, StepKind};

/// A row of `cases`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "cases")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub transaction_id: Uuid,
    /// The obligation's name at the provider, `ref` on the wire.
    pub reference: String,
    pub customer_id: Option<Uuid>,
    pub state: String,
    /// Where a paused case, or one whose payer is at the checkout, goes back to.
    pub previous_state: Option<String>,
    pub class: String,
    pub hardness: String,
    /// Whether the first decline was soft; later ones do not change it.
    pub is_retryable: bool,
    /// The whole verdict on the latest decline.
    pub classification: Json,
    pub owner: String,
    pub policy_version: String,
    /// What was due when the case was opened.
    pub amount_minor: i64,
    pub paid_minor: i64,
    /// What of it went back since.
    pub reversed_minor: i64,
    pub currency: String,
    /// The first failure, by the provider's clock.
    pub failed_at: DateTimeUtc,
    pub opened_at: DateTimeUtc,
    pub deadline_at: DateTimeUtc,
    pub next_action_at: Option<DateTimeUtc>,
    pub next_kind: Option<String>,
    /// No attempt before it, because the provider cannot be called or asked for a pause: it ends early
    /// when the connection is mended.
    pub pause_until: Option<DateTimeUtc>,
    /// No attempt before it, by advice of the network or the provider.
    pub floor_at: Option<DateTimeUtc>,
    pub attempts_used: i32,
    /// Declines, the first included.
    pub misses: i32,
    pub read_backs: i32,
    /// The failure that was heard of last: it may be told again when more is known.
    pub last_failure_id: Option<Uuid>,
    /// The method of that failure.
    pub method_id: Option<Uuid>,
    pub hold_kind: Option<String>,
    pub hold_until: Option<DateTimeUtc>,
    pub closed_at: Option<DateTimeUtc>,
    pub explanation: Json,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}

/// A constraint of the table holds the words to ours.
const WORD: &str = "the table allows only our words";

impl Model {
    pub fn case_id(&self) -> CaseId {
        self.id.into()
    }

    pub fn transaction(&self) -> TransactionId {
        self.transaction_id.into()
    }

    pub fn state(&self) -> CaseState {
        CaseState::parse(&self.state).expect(WORD)
    }

    pub fn previous(&self) -> CaseState {
        self.previous_state.as_deref().and_then(CaseState::parse).unwrap_or(CaseState::Scheduled)
    }

    pub fn class(&self) -> Class {
        Class::parse(&self.class).expect(WORD)
    }

    pub fn hardness(&self) -> Hardness {
        Hardness::parse(&self.hardness).expect(WORD)
    }

    pub fn owner(&self) -> Owner {
        Owner::parse(&self.owner).expect(WORD)
    }

    pub fn hold(&self) -> Option<Hold> {
        self.hold_kind.as_deref().and_then(Hold::parse)
    }

    pub fn next_kind(&self) -> Option<StepKind> {
        self.next_kind.as_deref().and_then(StepKind::parse)
    }

    pub fn currency(&self) -> Currency {
        self.currency.parse().expect("only currencies are stored")
    }

    pub fn due(&self) -> Money {
        Money::new(self.amount_minor, self.currency())
    }

    /// The verdict on the latest decline.
    pub fn verdict(&self) -> Option<Decline> {
        serde_json::from_value(self.classification.clone()).ok()
    }

    pub fn explanation(&self) -> Explanation {
        serde_json::from_value(self.explanation.clone()).unwrap_or_default()
    }

    /// Whether the next action is due.
    pub fn is_due(&self, now: At) -> bool {
        self.next_action_at.is_some_and(|at| at <= now)
    }
}
