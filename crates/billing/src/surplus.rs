//! Giving back what was not owed, and telling the provider what was paid elsewhere: durable work,
//! each done once.

use host::Work;
use kernel::{Event, Failed, Failure, TransactionId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::connections;
use crate::event::SurplusReceived;
use crate::provider::{Action, ActionResult, Gateway, IdempotencyKey, ProviderError, Providers};
use crate::transactions;

/// An invoice of the provider was paid past it, through a link or a charge of ours: it must stop
/// collecting.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InvoicePaidElsewhere {
    pub transaction: TransactionId,
    pub invoice: String,
}

impl Event for InvoicePaidElsewhere {
    const NAME: &'static str = "billing.invoice_paid_elsewhere";
    fn subject(&self) -> Uuid {
        self.transaction.uuid()
    }
}

async fn gateway(work: &Work, transaction: TransactionId) -> Result<Option<Gateway>, Failure> {
    let mut tx = work.begin("billing").await?;
    let connection = transactions::find(&mut tx, transaction).await?.and_then(|transaction| transaction.connection());
    let Some(connection) = connection else { return Ok(None) };
    let gateway = connections::gateway(&mut tx, &work.core.parts.get::<Providers>(), connection).await;
    Ok(Some(gateway.map_err(Failed::into_failure)?))
}

/// Refunds the surplus of a receipt. The key is the receipt's, so it goes back once.
pub(crate) async fn refund(work: Work, event: SurplusReceived) -> Result<(), Failure> {
    let mut tx = work.begin("billing").await?;
    let receipt = transactions::receipt_by_id(&mut tx, event.receipt).await?.filter(|receipt| receipt.refund_ref.is_none());
    let Some(receipt) = receipt else { return Ok(()) };
    drop(tx);
    let Some(gateway) = gateway(&work, event.transaction).await? else { return Ok(()) };
    let action = Action::Refund { refs: receipt.refs(), amount: event.surplus };
    let result = gateway.execute(&action, &IdempotencyKey::of("surplus", event.receipt)).await?;
    let ActionResult::Refunded { refund } = result else { return Ok(()) };
    let mut tx = work.begin("billing").await?;
    transactions::refund_sent(&mut tx, event.receipt, &refund).await?;
    Ok(tx.commit().await?)
}

/// Marks an invoice as paid at the provider.
pub(crate) async fn record_paid(work: Work, event: InvoicePaidElsewhere) -> Result<(), Failure> {
    // Without a key there is nobody to tell.
    let Some(gateway) = gateway(&work, event.transaction).await?.filter(Gateway::has_key) else { return Ok(()) };
    let key = IdempotencyKey::of("paid", &event.invoice);
    match gateway.execute(&Action::RecordPaid { invoice: event.invoice }, &key).await {
        // Refused: it is not open any more, which is what we wanted.
        Ok(_) | Err(ProviderError::Refused { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
