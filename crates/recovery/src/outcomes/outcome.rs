//! The entity.

use kernel::{AttemptId, LinkId, Money};
use sea_orm::entity::prelude::*;

use crate::cases::CaseState;
use crate::classify::class::words;

words! {
    /// What made the payer pay: exactly one, by the event that brought the money.
    pub enum Mechanism {
        /// An attempt of ours.
        Retry = "retry",
        /// An attempt of ours, after the card got new data.
        MethodUpdateThenRetry = "method_update_then_retry",
        /// A link in a mail of ours.
        #[serde(rename = "link:email")]
        LinkEmail = "link:email",
        /// An attempt that the provider made by itself.
        PspRetry = "psp_retry",
        /// The payer paid without any link of ours.
        Organic = "organic",
        /// A person of the company.
        Manual = "manual",
    }
}

/// A row of `outcomes`: how a case ended.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outcomes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub case_id: Uuid,
    pub kind: String,
    /// What came back, 0 when nothing did.
    pub amount_minor: i64,
    pub currency: String,
    pub at: DateTimeUtc,
    /// The case's first failure, by which cohorts are counted. Always known to this version; a row that
    /// an older one writes during an upgrade lacks it.
    pub failed_at: Option<DateTimeUtc>,
    /// Seconds from the first failure.
    pub after_s: i64,
    pub mechanism: Option<String>,
    pub attempt_id: Option<Uuid>,
    pub link_id: Option<Uuid>,
    pub policy_version: String,
    pub reversed_minor: i64,
    pub reversed_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn kind(&self) -> CaseState {
        CaseState::parse(&self.kind).expect("the table allows only our words")
    }

    pub fn amount(&self) -> Money {
        Money::new(self.amount_minor, self.currency.parse().expect("only currencies are stored"))
    }

    pub fn mechanism(&self) -> Option<Mechanism> {
        self.mechanism.as_deref().and_then(Mechanism::parse)
    }

    pub fn attempt(&self) -> Option<AttemptId> {
        self.attempt_id.map(AttemptId::from)
    }

    pub fn link(&self) -> Option<LinkId> {
        self.link_id.map(LinkId::from)
    }
}
