//! The entity: one event of a provider, or one report of a caller, as it was taken in.

use kernel::{ConnectionId, TransactionId};
use sea_orm::entity::prelude::*;

/// A row of `provider_events`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "provider_events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub org_id: Uuid,
    pub connection_id: Option<Uuid>,
    /// The connection's id, or `api` for reports of callers.
    pub source: String,
    pub event_id: String,
    pub type_name: String,
    pub occurred_at: DateTimeUtc,
    /// The body as it came.
    pub raw: String,
    /// The event as it was read, joined as far as it could be.
    pub event: Json,
    pub state: String,
    pub reason: Option<String>,
    pub tries: i32,
    pub transaction_id: Option<Uuid>,
    pub answer: Option<Json>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn transaction(&self) -> Option<TransactionId> {
        self.transaction_id.map(Into::into)
    }

    pub fn connection(&self) -> Option<ConnectionId> {
        self.connection_id.map(Into::into)
    }
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventState {
    /// Kept, and not applied yet.
    Received,
    Applied,
    /// Changes nothing, with the reason why.
    Ignored,
    /// Could not be applied; people have to look.
    Failed,
    /// Belongs to something that we do not know yet; applied when it becomes known.
    Quarantined,
}

impl EventState {
    pub const ALL: [Self; 5] = [Self::Received, Self::Applied, Self::Ignored, Self::Failed, Self::Quarantined];

    /// As it is stored and sent.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Applied => "applied",
            Self::Ignored => "ignored",
            Self::Failed => "failed",
            Self::Quarantined => "quarantined",
        }
    }
}

/// Why an event was not applied: the codes of `reason`.
pub mod reason {
    /// Not a type that we act on.
    pub const UNKNOWN_TYPE: &str = "unknown_type";
    /// A live event on a test connection, or the other way round.
    pub const OTHER_MODE: &str = "other_mode";
    /// Only the provider's API can say what it belongs to.
    pub const NEEDS_API_KEY: &str = "needs_api_key";
    /// The obligation is not known (yet).
    pub const UNKNOWN_PARENT: &str = "unknown_parent";
    /// It stayed unknown for as long as we wait.
    pub const PARENT_NEVER_CAME: &str = "parent_never_came";
    /// What it tells was known before, or money is absorbing.
    pub const NOTHING_NEW: &str = "nothing_new";
    /// The money is of another currency than the obligation.
    pub const CURRENCY_DIFFERS: &str = "currency_differs";
    /// The refund is larger than what had arrived.
    pub const REFUND_TOO_LARGE: &str = "refund_too_large";
    /// It names no amount or no payment.
    pub const INCOMPLETE: &str = "incomplete";
    /// The provider could not be asked what it belongs to; asked again later.
    pub const JOIN_PENDING: &str = "join_pending";
    /// Applying it failed; tried again later.
    pub const APPLY_PENDING: &str = "apply_pending";
}
