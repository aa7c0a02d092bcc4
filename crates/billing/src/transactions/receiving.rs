//! Money arrived, or went back, or is no longer expected.

use kernel::{At, CustomerId, Failure, LinkId, Money};
use sea_orm::{ActiveValue::Set, IntoActiveModel as _};
use serde_json::json;
use store::{AuditLine, Tx};

use super::receipt::{self, ActiveModel};
use super::transaction::Model;
use super::{Happening, split, store as rows};
use crate::event::{Attention, AttentionNeeded, ObligationVoided, PaymentDisputed, PaymentReceived, SurplusReceived, Via};
use crate::links;
use crate::provider::Refs;
use crate::surplus::InvoicePaidElsewhere;

/// Money that arrived.
#[derive(Debug, Clone)]
pub struct NewReceipt {
    pub refs: Refs,
    /// The ids by which the movement is counted once; see [`Refs::money_key`].
    pub money_key: String,
    pub amount: Money,
    pub via: Via,
    pub received_at: At,
    pub attempt: Option<String>,
    pub link: Option<LinkId>,
}

/// What came of money.
#[derive(Debug, Clone)]
pub struct Received {
    pub transaction: Model,
    /// `None` when another event told of the same money before.
    pub receipt: Option<receipt::Model>,
}

/// Records money on a held transaction: once for each movement. What is not owed is given back.
///
/// `None` when it is of another currency than the obligation: it is not ours to count, and people are told.
pub async fn receive(tx: &mut Tx, transaction: Model, new: NewReceipt) -> Result<Option<Received>, Failure> {
    if new.amount.minor <= 0 {
        return Ok(None);
    }
    if new.amount.currency.code() != transaction.currency {
        let text = format!("{} arrived, and {} is owed in {}. It was not counted.", new.amount, transaction.owed(), transaction.currency);
        attention(tx, &transaction, Attention::PaidInOtherCurrency, new.money_key, text).await?;
        return Ok(None);
    }
    let was = transaction.state();
    let split = split(was, transaction.amount_due, transaction.amount_paid, new.amount.minor);
    let row = ActiveModel {
        transaction_id: Set(transaction.id),
        source: Set(transaction.source.clone()),
        money_key: Set(new.money_key.clone()),
        psp_ids: Set(json!(new.refs)),
        amount: Set(new.amount.minor),
        counted: Set(split.counted_minor),
        surplus: Set(split.surplus_minor),
        refunded: Set(0),
        currency: Set(transaction.currency.clone()),
        via: Set(new.via.name().to_owned()),
        received_at: Set(new.received_at),
        ..Default::default()
    };
    let Some(row) = rows::insert_receipt(tx, row).await? else { return Ok(Some(Received { transaction, receipt: None })) };
    let transaction = if split.counted_minor > 0 { count(tx, transaction, &new, split.counted_minor).await? } else { transaction };
    tell(tx, &transaction, &row, &new).await?;
    Ok(Some(Received { transaction, receipt: Some(row) }))
}

async fn count(tx: &mut Tx, transaction: Model, new: &NewReceipt, counted_minor: i64) -> Result<Model, Failure> {
    let paid = transaction.amount_paid + counted_minor;
    let in_full = paid >= transaction.amount_due;
    let before = json!({ "state": transaction.state, "amount_paid": transaction.amount_paid });
    let state = transaction.state().after(Happening::MoneyArrived { in_full }).map_err(Failure::internal)?;
    let mut active = transaction.into_active_model();
    active.amount_paid = Set(paid);
    active.state = Set(state.name().to_owned());
    if in_full {
        active.paid_at = Set(Some(new.received_at));
    }
    let transaction = tx.update(active).await?;
    let after = json!({ "state": transaction.state, "amount_paid": transaction.amount_paid, "via": new.via });
    tx.audit(AuditLine::new("transaction.paid", "transaction", transaction.id).before(before).after(after)).await?;
    if in_full {
        links::close(tx, transaction.transaction_id(), new.link).await?;
    }
    Ok(transaction)
}

async fn tell(tx: &mut Tx, transaction: &Model, row: &receipt::Model, new: &NewReceipt) -> Result<(), Failure> {
    let event = PaymentReceived {
        transaction: transaction.transaction_id(),
        receipt: row.id,
        customer: transaction.customer_id.map(CustomerId::from),
        amount: new.amount,
        counted: transaction.money(row.counted),
        via: new.via,
        is_second: row.counted == 0,
        is_paid: !transaction.state().is_owed(),
        received_at: row.received_at,
        attempt: new.attempt.clone(),
        link: new.link,
    };
    tx.emit(&event).await?;
    if let Some(invoice) = transaction.refs().invoice.filter(|_| row.counted > 0 && event.is_paid && is_elsewhere(transaction, new)) {
        tx.emit(&InvoicePaidElsewhere { transaction: transaction.transaction_id(), invoice }).await?;
    }
    if row.surplus > 0 {
        let surplus = transaction.money(row.surplus);
        tracing::warn!(event = "billing.surplus", transaction = %transaction.transaction_id(), %surplus, "more arrived than is owed; it is refunded");
        let line = AuditLine::new("transaction.surplus", "transaction", transaction.id);
        tx.audit(line.after(json!({ "receipt": row.id, "surplus": row.surplus }))).await?;
        tx.emit(&SurplusReceived { transaction: transaction.transaction_id(), receipt: row.id, surplus }).await?;
    }
    Ok(())
}

/// Whether money came past the invoice: through a link, or with an intent that is not the invoice's
/// own. Such an invoice still collects at the provider.
fn is_elsewhere(transaction: &Model, new: &NewReceipt) -> bool {
    let (known, told) = (transaction.refs(), &new.refs);
    let names_invoice = told.invoice.is_some() && told.invoice == known.invoice;
    let is_own = names_invoice || (new.via == Via::Provider && told.intent == known.intent);
    new.via == Via::Link || (told.intent.is_some() && !is_own)
}

/// Tells people that they have to look at a payment.
pub(crate) async fn attention(tx: &mut Tx, transaction: &Model, kind: Attention, about: String, text: String) -> Result<(), Failure> {
    let line = AuditLine::new("transaction.attention_needed", "transaction", transaction.id);
    tx.audit(line.after(json!({ "kind": kind, "about": about, "text": text }))).await?;
    tx.emit(&AttentionNeeded { transaction: transaction.transaction_id(), kind, about, text }).await.map(drop)
}

/// The payer's bank took the money back: the payer must not be asked again, nor be charged. `false`
/// when no money had arrived, or it was disputed before.
pub async fn dispute(tx: &mut Tx, transaction: Model) -> Result<bool, Failure> {
    let Some(transaction) = step(tx, transaction, Happening::DisputeOpened, "transaction.disputed").await? else { return Ok(false) };
    links::revoke_all(tx, transaction.transaction_id()).await?;
    tx.emit(&PaymentDisputed { transaction: transaction.transaction_id() }).await?;
    Ok(true)
}

/// Nothing is owed any more. `false` when it was paid or void before: money stays, and twice is once.
pub async fn void(tx: &mut Tx, transaction: Model) -> Result<bool, Failure> {
    let Some(transaction) = step(tx, transaction, Happening::Voided, "transaction.voided").await? else { return Ok(false) };
    links::revoke_all(tx, transaction.transaction_id()).await?;
    tx.emit(&ObligationVoided { transaction: transaction.transaction_id() }).await?;
    Ok(true)
}

/// Takes one step, with its audit line; `None` when the present state does not allow it.
pub(super) async fn step(tx: &mut Tx, transaction: Model, happening: Happening, action: &'static str) -> Result<Option<Model>, Failure> {
    let Ok(state) = transaction.state().after(happening) else { return Ok(None) };
    let before = json!({ "state": transaction.state });
    let mut active = transaction.into_active_model();
    active.state = Set(state.name().to_owned());
    let transaction = tx.update(active).await?;
    let after = json!({ "state": transaction.state });
    tx.audit(AuditLine::new(action, "transaction", transaction.id).before(before).after(after)).await?;
    Ok(Some(transaction))
}
