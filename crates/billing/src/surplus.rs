//! Giving back what was not owed, and telling the provider what was paid elsewhere: durable work,
//! each done once.

use host::Work;
use kernel::{ConnectionId, Event, Failed, Failure, Money, TransactionId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::connections::{self, ConnectionChanged, ConnectionFault};
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

/// The gateway of a payment; `None` when it has no connection that can be called, so that only people
/// can do something at the provider.
async fn gateway(work: &Work, transaction: TransactionId) -> Result<Option<Gateway>, Failure> {
    let mut tx = work.begin("billing").await?;
    let connection = transactions::find(&mut tx, transaction).await?.and_then(|transaction| transaction.connection());
    let Some(connection) = connection else { return Ok(None) };
    let gateway = connections::gateway(&mut tx, &work.core.parts.get::<Providers>(), connection).await;
    match gateway.map_err(Failed::into_failure) {
        Ok(gateway) => Ok(Some(gateway).filter(Gateway::has_key)),
        // Removed or switched off.
        Err(failure) if failure.is(ConnectionFault::NotFound) || failure.is(ConnectionFault::ProviderNotConfigured) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Refunds the surplus of a receipt. The key is the receipt's, so it goes back once. Where we cannot, it
/// waits for somebody, and goes on when a key comes.
pub(crate) async fn refund(work: Work, event: SurplusReceived) -> Result<(), Failure> {
    let mut tx = work.begin("billing").await?;
    let receipt = transactions::receipt_by_id(&mut tx, event.receipt).await?.filter(|receipt| receipt.refund_ref.is_none());
    // Somebody may have given it back at the provider meanwhile.
    let Some(receipt) = receipt.filter(|receipt| receipt.surplus_left() > 0) else { return Ok(()) };
    drop(tx);
    let Some(gateway) = gateway(&work, event.transaction).await? else {
        return by_hand(&work, event.receipt, "there is no API key with which we could").await;
    };
    let left = receipt.surplus_left();
    // Another amount is another request, and needs a name of its own.
    let key = if left == receipt.surplus {
        IdempotencyKey::of("surplus", receipt.id)
    } else {
        IdempotencyKey::of("surplus", format_args!("{}:{left}", receipt.id))
    };
    let amount = Money::new(left, event.surplus.currency);
    let action = Action::Refund { refs: receipt.refs(), amount };
    match gateway.execute(&action, &key).await {
        Ok(ActionResult::Refunded { refund }) => {
            let mut tx = work.begin("billing").await?;
            transactions::refund_sent(&mut tx, event.receipt, &refund, amount).await?;
            Ok(tx.commit().await?)
        }
        Ok(_) => Err(Failure::internal("a refund was answered with something else")),
        Err(ProviderError::Config(_)) => by_hand(&work, event.receipt, "the provider does not accept our API key").await,
        Err(ProviderError::Refused { code, .. }) => by_hand(&work, event.receipt, &format!("the provider refused it with `{code}`")).await,
        Err(error) => Err(error.into()),
    }
}

async fn by_hand(work: &Work, receipt: Uuid, why: &str) -> Result<(), Failure> {
    let mut tx = work.begin("billing").await?;
    transactions::refund_by_hand(&mut tx, receipt, why).await?;
    Ok(tx.commit().await?)
}

/// A connection can be used now, or again: payments of its gateway that nobody could charge become its
/// own, and what waited to be given back is.
pub(crate) async fn connection_changed(work: Work, event: ConnectionChanged) -> Result<(), Failure> {
    if !event.is_active {
        return Ok(());
    }
    connect(&work, event.connection).await?;
    let source = event.connection.to_string();
    let mut after = Uuid::nil();
    loop {
        let mut tx = work.begin("billing").await?;
        let waiting = transactions::receipts_by_hand(&mut tx, &source, after).await?;
        drop(tx);
        let Some(last) = waiting.last() else { return Ok(()) };
        after = last.id;
        for receipt in waiting {
            refund(work.clone(), receipt.surplus_event()).await?;
        }
    }
}

/// Only where the gateway has this one connection is it clear whose the payments are; others find
/// theirs when it reports them.
async fn connect(work: &Work, id: ConnectionId) -> Result<(), Failure> {
    let mut after = Some(String::new());
    while let Some(behind) = after {
        let mut tx = work.begin("billing").await?;
        let connection = match connections::find(&mut tx, id).await.map_err(Failed::into_failure) {
            Ok(connection) => connection,
            Err(failure) if failure.is(ConnectionFault::NotFound) => return Ok(()),
            Err(failure) => return Err(failure),
        };
        let active = connections::only_one_of(&mut tx, &connection.provider).await?;
        if active.len() != 1 || active[0].id != connection.id {
            return Ok(());
        }
        after = transactions::connect_all(&mut tx, id, &connection.provider, &behind).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Marks an invoice as paid at the provider.
pub(crate) async fn record_paid(work: Work, event: InvoicePaidElsewhere) -> Result<(), Failure> {
    // Without a key there is nobody to tell.
    let Some(gateway) = gateway(&work, event.transaction).await? else { return Ok(()) };
    let key = IdempotencyKey::of("paid", &event.invoice);
    match gateway.execute(&Action::RecordPaid { invoice: event.invoice }, &key).await {
        // Refused: it is not open any more, which is what we wanted.
        Ok(_) | Err(ProviderError::Refused { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
