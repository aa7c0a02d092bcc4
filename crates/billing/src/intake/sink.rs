//! The port through which recovery hears of failures while they are being recorded.
//!
//! An event could not do it: the caller who reports a failure is answered with the case that was
//! opened for it, in the same transaction.

use std::sync::Arc;

use crm::Customer;
use host::BoxFuture;
use kernel::{At, CaseId, ConnectionId, CustomerId, Failure, Money, PaymentMethodId, TransactionId};
use store::Tx;
use uuid::Uuid;

use crate::provider::{RawDecline, Refs};
use crate::{connections, methods, transactions};

/// A failure as it was recorded.
#[derive(Debug, Clone)]
pub struct RecordedFailure {
    pub transaction: TransactionId,
    /// The failed charge: the same id again means that more is known of it now.
    pub failure: Uuid,
    /// What the obligation is known by on the wire.
    pub reference: String,
    /// `None` when we are not connected to the gateway: nothing can be charged then.
    pub connection: Option<ConnectionId>,
    pub gateway: String,
    pub refs: Refs,
    /// What is still owed.
    pub owed: Money,
    pub failed_at: At,
    pub decline: RawDecline,
    /// The card's network, such as `visa`.
    pub network: Option<String>,
    pub customer: Option<CustomerId>,
    pub method: Option<PaymentMethodId>,
    /// What its card is told apart by, whatever token stands for it.
    pub fingerprint: Option<String>,
    /// The provider's name of the method.
    pub token: Option<String>,
    /// When the provider will try again by itself.
    pub provider_retry_at: Option<At>,
    /// Whether a later failure is known already: this one came out of order.
    pub is_latest: bool,
    /// The charge was made by the payer in a checkout of ours.
    pub in_checkout: bool,
    /// The recovery attempt that the charge was, as tagged at the provider.
    pub attempt: Option<String>,
    /// Nobody told of the obligation before: there is nothing of it yet but this failure.
    pub is_new: bool,
    /// The obligation with this failure, as it stands in the database now.
    pub obligation: transactions::Model,
    /// The method of this failure, likewise.
    pub known_method: Option<methods::Model>,
    /// Who is to pay by the event, likewise; the obligation may know somebody else.
    pub payer: Option<Customer>,
    /// The connection that the failure was told for, likewise.
    pub known_connection: Option<connections::Model>,
}

/// What recovery answers.
#[derive(Debug, Clone)]
pub struct Opened {
    pub case_id: CaseId,
    /// The verdict on the decline, in recovery's own words on the wire.
    pub classification: serde_json::Value,
}

/// Who hears of failures; recovery implements it.
pub trait FailureSink: Send + Sync + 'static {
    /// Opens or goes on with the case of the failure's obligation. Called once for each new fact,
    /// inside the transaction that records it.
    fn failure_recorded<'a>(&'a self, tx: &'a mut Tx, failure: &'a RecordedFailure) -> BoxFuture<'a, Result<Opened, Failure>>;
}

/// The part that recovery provides: `app.provide(billing::Sink::new(Arc::new(…)))`.
#[derive(Clone)]
pub struct Sink(Arc<dyn FailureSink>);

impl Sink {
    pub fn new(sink: Arc<dyn FailureSink>) -> Self {
        Self(sink)
    }

    pub(crate) async fn tell(&self, tx: &mut Tx, failure: &RecordedFailure) -> Result<Opened, Failure> {
        self.0.failure_recorded(tx, failure).await
    }
}
