//! Transactions on the wire.

use kernel::{At, ConnectionId, CustomerId, Money, TransactionId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{State, failure, receipt, transaction};
use crate::provider::{RawDecline, Refs};

/// An obligation to pay and where it stands.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TransactionView {
    pub id: TransactionId,
    /// What it is known by at the provider: the invoice, else the payment intent.
    #[serde(rename = "ref")]
    pub reference: String,
    pub gateway: String,
    pub connection_id: Option<ConnectionId>,
    pub customer_id: Option<CustomerId>,
    pub state: State,
    pub amount_due: Money,
    pub amount_paid: Money,
    pub psp_ids: Refs,
    pub decline: Option<RawDecline>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub failed_at: Option<At>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub paid_at: Option<At>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: At,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: At,
    pub version: i32,
}

impl From<transaction::Model> for TransactionView {
    fn from(row: transaction::Model) -> Self {
        Self {
            id: row.transaction_id(),
            state: row.state(),
            amount_due: row.due(),
            amount_paid: row.money(row.amount_paid),
            psp_ids: row.refs(),
            decline: row.decline(),
            connection_id: row.connection(),
            customer_id: row.customer(),
            reference: row.obligation_key,
            gateway: row.gateway,
            failed_at: row.failed_at,
            paid_at: row.paid_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
        }
    }
}

/// A declined charge.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FailureView {
    pub id: Uuid,
    pub charge: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub occurred_at: At,
    pub decline: RawDecline,
}

impl From<failure::Model> for FailureView {
    fn from(row: failure::Model) -> Self {
        Self { id: row.id, decline: row.raw_decline(), charge: row.charge, occurred_at: row.occurred_at }
    }
}

/// Money that arrived.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReceiptView {
    pub id: Uuid,
    pub amount: Money,
    /// The part that pays the obligation.
    pub counted: Money,
    /// The part that was not owed and is given back.
    pub surplus: Money,
    pub refunded: Money,
    /// Since when the surplus waits for somebody to give it back at the provider, if it does.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub refund_by_hand_since: Option<At>,
    /// `retry`, `link`, `provider` or `manual`.
    pub via: String,
    #[schema(value_type = String, format = DateTime)]
    pub received_at: At,
}

impl From<receipt::Model> for ReceiptView {
    fn from(row: receipt::Model) -> Self {
        let currency = row.currency.parse().expect("only currencies of ISO 4217 are stored");
        let money = |minor| Money::new(minor, currency);
        Self {
            id: row.id,
            amount: money(row.amount),
            counted: money(row.counted),
            surplus: money(row.surplus),
            refunded: money(row.refunded),
            refund_by_hand_since: row.by_hand_since,
            via: row.via,
            received_at: row.received_at,
        }
    }
}
