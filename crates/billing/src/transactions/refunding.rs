//! Money went back: what the provider tells of refunds, and what became of a surplus.

use kernel::{Failure, Money};
use sea_orm::{ActiveValue::Set, IntoActiveModel as _};
use serde_json::json;
use store::{AuditLine, Tx};
use uuid::Uuid;

use super::receipt;
use super::receiving::{attention, step};
use super::transaction::Model;
use super::{Happening, store as rows};
use crate::event::{Attention, AttentionEnded, PaymentRefunded};
use crate::provider::Refs;

/// What came of a told refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refunding {
    /// The money itself is not known yet: the report waits for it.
    UnknownMoney,
    /// As much was known to be back before.
    NothingNew,
    Recorded,
    /// Of another currency than the money.
    OtherCurrency,
    /// More than had arrived: no more than that is recorded.
    TooLarge,
}

/// What the provider says has gone back of a movement of money, in all: the sums of several reports
/// are not added, and an older report changes nothing. A refund of the surplus changes nothing on
/// the obligation.
pub async fn record_refund(tx: &mut Tx, transaction: Model, refs: &Refs, refunded: Money) -> Result<Refunding, Failure> {
    let receipts = rows::receipts(tx, transaction.id).await?;
    let is_of =
        |receipt: &&receipt::Model| receipt.refs().all().any(|id| refs.intent.as_deref() == Some(id) || refs.charge.as_deref() == Some(id));
    let Some(receipt) = receipts.iter().find(is_of) else { return Ok(Refunding::UnknownMoney) };
    let about = receipt.id.to_string();
    if refunded.currency.code() != receipt.currency {
        let text = format!("A refund of {refunded} was told for a payment in {}. It was not recorded.", receipt.currency);
        attention(tx, &transaction, Attention::ToldInOtherCurrency, about, text).await?;
        return Ok(Refunding::OtherCurrency);
    }
    let sum = refunded.minor.min(receipt.amount);
    let is_too_large = refunded.minor > receipt.amount;
    if is_too_large {
        let text = format!("A refund of {refunded} was told for a payment of {}.", transaction.money(receipt.amount));
        attention(tx, &transaction, Attention::RefundTooLarge, about, text).await?;
    }
    let is_new = sum > receipt.refunded;
    if is_new {
        back(tx, transaction, &receipts, receipt, sum).await?;
    }
    Ok(match (is_too_large, is_new) {
        (true, _) => Refunding::TooLarge,
        (false, true) => Refunding::Recorded,
        (false, false) => Refunding::NothingNew,
    })
}

/// The part of what went back that had been counted: the surplus goes first.
fn counted_back(receipt: &receipt::Model, refunded_minor: i64) -> i64 {
    (refunded_minor - receipt.surplus).clamp(0, receipt.counted)
}

async fn back(tx: &mut Tx, transaction: Model, receipts: &[receipt::Model], receipt: &receipt::Model, sum: i64) -> Result<(), Failure> {
    let delta = counted_back(receipt, sum) - counted_back(receipt, receipt.refunded);
    let others = receipts.iter().filter(|other| other.id != receipt.id);
    let all_back = others.map(|other| counted_back(other, other.refunded)).sum::<i64>() + counted_back(receipt, sum);
    let mut active = receipt.clone().into_active_model();
    active.refunded = Set(sum);
    let receipt = tx.update(active).await?;
    if receipt.by_hand_since.is_some() && receipt.surplus_left() == 0 {
        settled(tx, &transaction, receipt).await?;
    }
    if delta == 0 {
        return Ok(());
    }
    let in_full = all_back >= transaction.amount_paid;
    if in_full {
        step(tx, transaction.clone(), Happening::RefundedInFull, "transaction.refunded").await?;
    }
    let amount = transaction.money(delta);
    tx.emit(&PaymentRefunded { transaction: transaction.transaction_id(), amount, in_full }).await.map(drop)
}

/// Keeps the provider's id of our refund of a surplus, and how much it was: a part may have gone back
/// before. Nothing waits for a person any more.
pub async fn refund_sent(tx: &mut Tx, receipt: Uuid, refund: &str, amount: Money) -> Result<(), Failure> {
    let Some(known) = rows::hold_receipt(tx, receipt).await?.filter(|known| known.refund_ref.is_none()) else { return Ok(()) };
    let line = AuditLine::new("transaction.surplus_refunded", "transaction", known.transaction_id);
    tx.audit(line.after(json!({ "receipt": known.id, "amount": amount, "refund": refund }))).await?;
    let was_waiting = known.by_hand_since.is_some();
    let mut active = known.into_active_model();
    active.refund_ref = Set(Some(refund.to_owned()));
    let receipt = tx.update(active).await?;
    let transaction = rows::by_id(tx, receipt.transaction_id).await?.filter(|_| was_waiting);
    match transaction {
        Some(transaction) => settled(tx, &transaction, receipt).await,
        None => Ok(()),
    }
}

/// A surplus that we cannot give back waits for a person, or for a key: it is shown until then.
pub async fn refund_by_hand(tx: &mut Tx, receipt: Uuid, why: &str) -> Result<(), Failure> {
    let waiting = rows::hold_receipt(tx, receipt).await?.filter(|known| known.by_hand_since.is_none() && known.refund_ref.is_none());
    let Some(known) = waiting.filter(|known| known.surplus_left() > 0) else { return Ok(()) };
    let Some(transaction) = rows::by_id(tx, known.transaction_id).await? else { return Ok(()) };
    let text = format!("{} more arrived than was owed. Give it back at the provider: {why}.", transaction.money(known.surplus_left()));
    let about = known.id.to_string();
    let now = tx.now();
    let mut active = known.into_active_model();
    active.by_hand_since = Set(Some(now));
    tx.update(active).await?;
    attention(tx, &transaction, Attention::RefundByHand, about, text).await
}

async fn settled(tx: &mut Tx, transaction: &Model, receipt: receipt::Model) -> Result<(), Failure> {
    let about = receipt.id.to_string();
    let mut active = receipt.into_active_model();
    active.by_hand_since = Set(None);
    tx.update(active).await?;
    let ended = AttentionEnded { transaction: transaction.transaction_id(), kind: Attention::RefundByHand, about };
    tx.emit(&ended).await.map(drop)
}
