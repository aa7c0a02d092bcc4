//! A payment that only callers told us of, before its gateway was connected, finds its connection:
//! from then on it can be charged, read back and refunded.

use kernel::{ConnectionId, Failure};
use sea_orm::{ActiveValue::Set, IntoActiveModel as _};
use serde_json::json;
use store::{AuditLine, Tx};

use super::transaction::{Model, Source};
use super::{find, store as rows};
use crate::event::TransactionConnected;
use crate::methods;

/// The source of payments of a gateway while it has no connection.
pub(crate) fn unconnected(gateway: &str) -> Source {
    Source { connection: None, gateway: gateway.to_owned() }
}

/// Gives a held transaction to a connection. It comes back as it is when the connection knows the
/// same obligation by itself already: two stories are not made one.
pub(super) async fn connect(tx: &mut Tx, transaction: Model, connection: ConnectionId) -> Result<Model, Failure> {
    let source = Source { connection: Some(connection), gateway: transaction.gateway.clone() }.key();
    if rows::hold_by_key(tx, &source, &transaction.obligation_key).await?.is_some() {
        return Ok(transaction);
    }
    let refs = transaction.refs();
    let names: Vec<&str> = refs.all().chain([transaction.obligation_key.as_str()]).collect();
    rows::add_refs(tx, &source, &names, transaction.id).await?;
    let method = match transaction.payment_method() {
        Some(method) => Some(methods::move_to(tx, method, &source).await?),
        None => None,
    };
    let line = AuditLine::new("transaction.connected", "transaction", transaction.id);
    let mut active = transaction.into_active_model();
    active.connection_id = Set(Some(connection.uuid()));
    active.source = Set(source);
    if let Some(method) = method {
        active.payment_method_id = Set(Some(method.uuid()));
    }
    let transaction = tx.update(active).await?;
    tx.audit(line.after(json!({ "connection": connection }))).await?;
    tx.emit(&TransactionConnected { transaction: transaction.transaction_id() }).await?;
    Ok(transaction)
}

/// Connects a batch of a gateway's payments behind the obligation `after`; the last of them, or
/// `None` when there are no more.
pub(crate) async fn connect_all(tx: &mut Tx, connection: ConnectionId, gateway: &str, after: &str) -> Result<Option<String>, Failure> {
    let batch = rows::of_source(tx, &unconnected(gateway).key(), after).await?;
    let last = batch.last().filter(|_| batch.len() as u64 == rows::BATCH).map(|row| row.obligation_key.clone());
    for row in batch {
        if let Some(held) = find::hold(tx, row.transaction_id()).await?.filter(|held| held.connection_id.is_none()) {
            connect(tx, held, connection).await?;
        }
    }
    Ok(last)
}
