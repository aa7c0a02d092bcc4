//! The entity and its states.

use kernel::{At, LinkId, Money, TransactionId};
use sea_orm::entity::prelude::*;

use super::LinkFault;

/// A row of `payment_links`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payment_links")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub transaction_id: Uuid,
    pub token_hash: String,
    /// What was owed when it was made; what is owed now is read when it is used.
    pub amount: i64,
    pub currency: String,
    pub state: String,
    pub expires_at: DateTimeUtc,
    pub opened_at: Option<DateTimeUtc>,
    pub completed_at: Option<DateTimeUtc>,
    pub psp_session_id: Option<String>,
    /// Until when the open session holds the obligation.
    pub session_until: Option<DateTimeUtc>,
    /// Sessions that were opened so far; the number is a part of each one's idempotency key.
    pub sessions: i32,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}

/// Where a link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    Active,
    /// The payer pressed the button at least once.
    Opened,
    /// The provider's page is open.
    Checkout,
    /// The payer is done, and the bank takes days to say whether the money comes.
    Processing,
    Completed,
    Expired,
    Revoked,
}

impl LinkState {
    pub const ALL: [Self; 7] =
        [Self::Active, Self::Opened, Self::Checkout, Self::Processing, Self::Completed, Self::Expired, Self::Revoked];

    /// As it is stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Opened => "opened",
            Self::Checkout => "checkout",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }

    /// Reads a stored name; what cannot be read is not used.
    pub fn read(name: &str) -> Self {
        Self::ALL.into_iter().find(|state| state.name() == name).unwrap_or(Self::Revoked)
    }

    /// Whether the payer may still use it.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Active | Self::Opened) || self.is_taken()
    }

    /// Whether it holds the obligation, so that nothing else is charged.
    pub const fn is_taken(self) -> bool {
        matches!(self, Self::Checkout | Self::Processing)
    }
}

impl Model {
    pub fn link_id(&self) -> LinkId {
        self.id.into()
    }

    pub fn transaction(&self) -> TransactionId {
        self.transaction_id.into()
    }

    pub fn state(&self) -> LinkState {
        LinkState::read(&self.state)
    }

    pub fn snapshot(&self) -> Money {
        Money::new(self.amount, self.currency.parse().expect("only currencies of ISO 4217 are stored"))
    }

    /// Whether the provider's page is open, or a payment under way, and the time for it is not over.
    pub fn is_in_checkout(&self, now: At) -> bool {
        self.state().is_taken() && self.session_until.is_some_and(|until| now < until)
    }

    /// Why it cannot be used now. A payer who is on the provider's page may end what they began.
    pub fn refusal(&self, now: At) -> Option<LinkFault> {
        match self.state() {
            LinkState::Completed => Some(LinkFault::Used),
            LinkState::Revoked => Some(LinkFault::Revoked),
            LinkState::Expired => Some(LinkFault::Expired),
            LinkState::Processing if self.is_in_checkout(now) => Some(LinkFault::Busy),
            LinkState::Checkout if self.is_in_checkout(now) => None,
            LinkState::Active | LinkState::Opened | LinkState::Checkout | LinkState::Processing => {
                (self.expires_at <= now).then_some(LinkFault::Expired)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    fn now() -> At {
        "2026-11-20T08:00:00Z".parse().expect("an instant")
    }

    fn link(state: LinkState, expires_in_min: i64) -> Model {
        Model {
            id: Uuid::nil(),
            org_id: Uuid::nil(),
            transaction_id: Uuid::nil(),
            token_hash: String::new(),
            amount: 100,
            currency: "EUR".into(),
            state: state.name().into(),
            expires_at: now() + TimeDelta::minutes(expires_in_min),
            opened_at: None,
            completed_at: None,
            psp_session_id: None,
            session_until: state.is_taken().then(|| now() + TimeDelta::minutes(10)),
            sessions: 0,
            created_at: now(),
            updated_at: now(),
            version: 1,
        }
    }

    #[test]
    fn each_end_of_a_link_says_its_own_reason() {
        assert_eq!(link(LinkState::Active, 1).refusal(now()), None);
        assert_eq!(link(LinkState::Active, 0).refusal(now()), Some(LinkFault::Expired));
        assert_eq!(link(LinkState::Completed, 1).refusal(now()), Some(LinkFault::Used));
        assert_eq!(link(LinkState::Revoked, 1).refusal(now()), Some(LinkFault::Revoked));
        assert_eq!(link(LinkState::Processing, 1).refusal(now()), Some(LinkFault::Busy), "the bank has the word");
        assert_eq!(LinkState::read("melted"), LinkState::Revoked);
    }

    #[test]
    fn whoever_began_to_pay_in_time_may_end_it() {
        assert_eq!(link(LinkState::Checkout, -5).refusal(now()), None);
        assert_eq!(link(LinkState::Checkout, -5).refusal(now() + TimeDelta::minutes(11)), Some(LinkFault::Expired));
    }
}
