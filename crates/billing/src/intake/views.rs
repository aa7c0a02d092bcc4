//! Intake on the wire.

use kernel::{At, CaseId, TransactionId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::provider_event::Model;
use crate::transactions::{FailureView, ReceiptView, TransactionView};

/// What came of a report.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ReportedView {
    pub transaction_id: TransactionId,
    /// The recovery of this payment; absent when it needs none.
    pub case_id: Option<CaseId>,
    /// The verdict on the decline; see `POST /v1/classify`.
    #[schema(value_type = Option<Object>)]
    pub classification: Option<Value>,
    /// Whether the same `event_id` was reported before.
    pub duplicate: bool,
}

/// Everything that is known under one reference.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RefView {
    pub transaction_id: TransactionId,
    #[serde(rename = "ref")]
    pub reference: String,
    pub case_id: Option<CaseId>,
    pub transaction: TransactionView,
    pub failures: Vec<FailureView>,
    pub receipts: Vec<ReceiptView>,
    /// Oldest first, by the provider's time.
    pub events: Vec<EventView>,
}

/// One event as it was taken in.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ProviderEventView)]
pub struct EventView {
    /// The provider's or the caller's own id.
    pub event_id: String,
    #[serde(rename = "type")]
    pub type_name: String,
    /// `received`, `applied`, `ignored`, `failed` or `quarantined`.
    pub state: String,
    /// Why it was not applied.
    pub reason: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub occurred_at: At,
    #[schema(value_type = String, format = DateTime)]
    pub received_at: At,
}

impl From<Model> for EventView {
    fn from(row: Model) -> Self {
        Self {
            event_id: row.event_id,
            type_name: row.type_name,
            state: row.state,
            reason: row.reason,
            occurred_at: row.occurred_at,
            received_at: row.created_at,
        }
    }
}
