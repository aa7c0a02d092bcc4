//! Looking up.

use kernel::{After, CustomerId, Failure, Limit, Page, TransactionId};
use store::Tx;
use uuid::Uuid;

use super::{State, failure, receipt, store as rows, transaction};
use crate::provider::Refs;

/// The transaction, if it is this organization's.
pub async fn find(tx: &mut Tx, id: TransactionId) -> Result<Option<transaction::Model>, Failure> {
    Ok(rows::by_id(tx, id.uuid()).await?)
}

/// A page of transactions, newest first.
pub async fn list(
    tx: &mut Tx,
    state: Option<State>,
    customer: Option<CustomerId>,
    limit: Limit,
    after: Option<&After>,
) -> Result<Page<transaction::Model>, Failure> {
    Ok(rows::page(tx, state, customer, limit, after).await?)
}

/// A transaction, held against concurrent changes until the transaction of the database ends.
pub async fn hold(tx: &mut Tx, id: TransactionId) -> Result<Option<transaction::Model>, Failure> {
    Ok(rows::hold(tx, id.uuid()).await?)
}

/// The newest transaction that is known by this id at its provider.
pub async fn by_ref(tx: &mut Tx, reference: &str) -> Result<Option<transaction::Model>, Failure> {
    let Some(id) = rows::id_by_any_ref(tx, reference).await? else { return Ok(None) };
    Ok(rows::by_id(tx, id).await?)
}

/// The transaction that any of the ids leads to, held.
pub(crate) async fn by_refs(tx: &mut Tx, source: &str, refs: &Refs) -> Result<Option<transaction::Model>, Failure> {
    let refs: Vec<&str> = refs.all().collect();
    if refs.is_empty() {
        return Ok(None);
    }
    let Some(id) = rows::id_by_refs(tx, source, &refs).await? else { return Ok(None) };
    Ok(rows::hold(tx, id).await?)
}

/// Failed charges, newest first.
pub async fn failures(tx: &mut Tx, id: TransactionId) -> Result<Vec<failure::Model>, Failure> {
    Ok(rows::failures(tx, id.uuid()).await?)
}

/// Movements of money, oldest first.
pub async fn receipts(tx: &mut Tx, id: TransactionId) -> Result<Vec<receipt::Model>, Failure> {
    Ok(rows::receipts(tx, id.uuid()).await?)
}

pub(crate) async fn receipt_by_id(tx: &mut Tx, id: Uuid) -> Result<Option<receipt::Model>, Failure> {
    Ok(rows::receipt_by_id(tx, id).await?)
}
