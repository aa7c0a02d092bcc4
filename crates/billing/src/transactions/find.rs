//! Looking up.

use kernel::{After, At, CustomerId, Failure, Limit, Page, TransactionId};
use store::Tx;
use uuid::Uuid;

use super::transaction::Source;
use super::{State, connecting, failure, receipt, store as rows, transaction};

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

/// The transaction that any of the ids leads to, held. One that callers told of while its gateway
/// had no connection gets the connection that knows it.
pub(crate) async fn by_refs(tx: &mut Tx, source: &Source, refs: &[&str]) -> Result<Option<transaction::Model>, Failure> {
    if refs.is_empty() {
        return Ok(None);
    }
    let (own, unconnected) = (source.key(), connecting::unconnected(&source.gateway).key());
    let Some(id) = rows::id_by_refs(tx, [&own, &unconnected], refs).await? else { return Ok(None) };
    let Some(held) = rows::hold(tx, id).await? else { return Ok(None) };
    match source.connection {
        Some(connection) if held.source == unconnected => Ok(Some(connecting::connect(tx, held, connection).await?)),
        // Another connection of the gateway has it.
        Some(_) if held.source != own => Ok(None),
        _ => Ok(Some(held)),
    }
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

/// A batch of receipts of a connection whose surplus waits for somebody, behind the one given.
pub(crate) async fn receipts_by_hand(tx: &mut Tx, source: &str, after: Uuid) -> Result<Vec<receipt::Model>, Failure> {
    Ok(rows::by_hand(tx, source, after).await?)
}

/// Whether an id had been told for the transaction by that time.
pub async fn was_known(tx: &mut Tx, id: TransactionId, reference: &str, at: At) -> Result<bool, Failure> {
    let Some(known) = rows::by_id(tx, id.uuid()).await? else { return Ok(false) };
    Ok(rows::was_known(tx, &known.source, reference, at).await?)
}
