//! Queries.

use kernel::{After, At, CustomerId, Limit, Page};
use sea_orm::sea_query::Order;
use sea_orm::{ActiveValue::Set, ColumnTrait as _};
use store::{StoreError, Tx};
use uuid::Uuid;

use super::{State, failure, receipt, reference, transaction};

/// Failures and receipts of one transaction that are ever read at once: networks allow 35 tries a month.
const HISTORY_MAX: u64 = 200;
/// Rows that durable work takes up at once: a transaction that is over before anybody waits for it.
pub(super) const BATCH: u64 = 100;

pub(super) async fn by_id(tx: &mut Tx, id: Uuid) -> Result<Option<transaction::Model>, StoreError> {
    tx.find_by_id::<transaction::Entity>(id).one().await
}

pub(super) async fn hold(tx: &mut Tx, id: Uuid) -> Result<Option<transaction::Model>, StoreError> {
    tx.find_by_id::<transaction::Entity>(id).for_update().one().await
}

pub(super) async fn hold_by_key(tx: &mut Tx, source: &str, key: &str) -> Result<Option<transaction::Model>, StoreError> {
    use transaction::Column;
    tx.find::<transaction::Entity>().filter(Column::Source.eq(source)).filter(Column::ObligationKey.eq(key)).for_update().one().await
}

/// A page of transactions, newest first.
pub(super) async fn page(
    tx: &mut Tx,
    state: Option<State>,
    customer: Option<CustomerId>,
    limit: Limit,
    after: Option<&After>,
) -> Result<Page<transaction::Model>, StoreError> {
    use transaction::Column;
    let mut all = tx.find::<transaction::Entity>();
    if let Some(state) = state {
        all = all.filter(Column::State.eq(state.name()));
    }
    if let Some(customer) = customer {
        all = all.filter(Column::CustomerId.eq(customer.uuid()));
    }
    all.page(limit, after, Column::CreatedAt, |row| After { at: row.created_at, id: row.id }).await
}

/// The row as it went in, which holds it; `None` when another request was first.
pub(super) async fn insert_unless_there(tx: &mut Tx, row: transaction::ActiveModel) -> Result<Option<transaction::Model>, StoreError> {
    use transaction::Column;
    tx.insert_new(row, &[Column::OrgId, Column::Source, Column::ObligationKey]).await
}

/// The transaction that one of the ids leads to: the first id that leads anywhere decides, and of two
/// sources the first.
pub(super) async fn id_by_refs(tx: &mut Tx, sources: [&str; 2], refs: &[&str]) -> Result<Option<Uuid>, StoreError> {
    use reference::Column;
    let found = tx
        .find::<reference::Entity>()
        .filter(Column::Source.is_in(sources))
        .filter(Column::Reference.is_in(refs.iter().copied()))
        .limit((refs.len() * sources.len()) as u64)
        .all()
        .await?;
    let leads = |source: &str, wanted: &str| found.iter().find(|row| row.source == source && row.reference == wanted);
    let by_rank = sources.iter().find_map(|source| refs.iter().find_map(|wanted| leads(source, wanted)));
    Ok(by_rank.map(|row| row.transaction_id))
}

/// The newest transaction with such an id, whatever its source.
pub(super) async fn id_by_any_ref(tx: &mut Tx, reference: &str) -> Result<Option<Uuid>, StoreError> {
    use reference::Column;
    let found = tx.find::<reference::Entity>().filter(Column::Reference.eq(reference)).newest(Column::CreatedAt).limit(1).one().await?;
    Ok(found.map(|row| row.transaction_id))
}

/// Whether an id led anywhere by that time.
pub(super) async fn was_known(tx: &mut Tx, source: &str, id: &str, at: At) -> Result<bool, StoreError> {
    use reference::Column;
    let of = tx.find::<reference::Entity>().filter(Column::Source.eq(source)).filter(Column::Reference.eq(id));
    of.filter(Column::CreatedAt.lte(at)).exists().await
}

/// Lets ids lead to a transaction; one that leads anywhere already stays as it is.
pub(super) async fn add_refs(tx: &mut Tx, source: &str, ids: &[&str], transaction: Uuid) -> Result<(), StoreError> {
    use reference::{ActiveModel, Column};
    let row = |id: &&str| ActiveModel {
        source: Set(source.to_owned()),
        reference: Set((*id).to_owned()),
        transaction_id: Set(transaction),
        ..Default::default()
    };
    tx.insert_all_or_ignore(ids.iter().map(row), &[Column::OrgId, Column::Source, Column::Reference]).await.map(drop)
}

pub(super) async fn failures(tx: &mut Tx, transaction: Uuid) -> Result<Vec<failure::Model>, StoreError> {
    use failure::Column;
    tx.find::<failure::Entity>().filter(Column::TransactionId.eq(transaction)).newest(Column::OccurredAt).limit(HISTORY_MAX).all().await
}

pub(super) async fn receipts(tx: &mut Tx, transaction: Uuid) -> Result<Vec<receipt::Model>, StoreError> {
    use receipt::Column;
    let of = tx.find::<receipt::Entity>().filter(Column::TransactionId.eq(transaction));
    of.order_by(Column::ReceivedAt, Order::Asc).limit(HISTORY_MAX).all().await
}

pub(super) async fn receipt_by_id(tx: &mut Tx, id: Uuid) -> Result<Option<receipt::Model>, StoreError> {
    tx.find_by_id::<receipt::Entity>(id).one().await
}

pub(super) async fn hold_receipt(tx: &mut Tx, id: Uuid) -> Result<Option<receipt::Model>, StoreError> {
    tx.find_by_id::<receipt::Entity>(id).for_update().one().await
}

/// Receipts of a connection whose surplus waits for somebody, oldest first behind `after`.
pub(super) async fn by_hand(tx: &mut Tx, source: &str, after: Uuid) -> Result<Vec<receipt::Model>, StoreError> {
    use receipt::Column;
    let waiting = tx.find::<receipt::Entity>().filter(Column::Source.eq(source)).filter(Column::ByHandSince.is_not_null());
    waiting.filter(Column::Id.gt(after)).order_by(Column::Id, Order::Asc).limit(BATCH).all().await
}

/// Transactions of a source that no connection stands behind, by their keys behind `after`.
pub(super) async fn of_source(tx: &mut Tx, source: &str, after: &str) -> Result<Vec<transaction::Model>, StoreError> {
    use transaction::Column;
    let of = tx.find::<transaction::Entity>().filter(Column::Source.eq(source)).filter(Column::ObligationKey.gt(after));
    of.order_by(Column::ObligationKey, Order::Asc).limit(BATCH).all().await
}

/// The row as it went in; `None` when this movement of money was counted before.
pub(super) async fn insert_receipt(tx: &mut Tx, row: receipt::ActiveModel) -> Result<Option<receipt::Model>, StoreError> {
    use receipt::Column;
    tx.insert_new(row, &[Column::OrgId, Column::Source, Column::MoneyKey]).await
}
