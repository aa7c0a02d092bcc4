//! Queries.

use kernel::{After, At, ConnectionId, Limit, Page, TransactionId};
use sea_orm::sea_query::{Expr, ExprTrait as _, Order};
use sea_orm::{ActiveValue::Set, ColumnTrait as _, Condition};
use store::{StoreError, Tx};
use uuid::Uuid;

use super::provider_event::{self, Column, Entity, EventState, Model};
use super::waiting_ref;
use crate::provider::Refs;

/// Quarantined events that are replayed at once: no payment has more than a handful.
const REPLAY_MAX: u64 = 50;

/// The event as it was kept; `None` when it came before.
pub(super) async fn insert_unless_known(tx: &mut Tx, row: provider_event::ActiveModel) -> Result<Option<Model>, StoreError> {
    tx.insert_new(row, &[Column::OrgId, Column::Source, Column::EventId]).await
}

pub(super) async fn by_event_id(tx: &mut Tx, source: &str, event_id: &str) -> Result<Option<Model>, StoreError> {
    tx.find::<Entity>().filter(Column::Source.eq(source)).filter(Column::EventId.eq(event_id)).one().await
}

pub(super) async fn hold(tx: &mut Tx, id: Uuid) -> Result<Option<Model>, StoreError> {
    tx.find_by_id::<Entity>(id).for_update().one().await
}

/// Everything that was told of a transaction, oldest first by the provider's time.
pub(super) async fn of_transaction(tx: &mut Tx, transaction: TransactionId) -> Result<Vec<Model>, StoreError> {
    let of = tx.find::<Entity>().filter(Column::TransactionId.eq(transaction.uuid()));
    of.order_by(Column::OccurredAt, Order::Asc).limit(REPLAY_MAX * 2).all().await
}

/// A connection's events, newest first.
pub(crate) async fn of_connection(
    tx: &mut Tx,
    connection: ConnectionId,
    limit: Limit,
    after: Option<&After>,
) -> Result<Page<Model>, StoreError> {
    let of = tx.find::<Entity>().filter(Column::ConnectionId.eq(connection.uuid()));
    of.page(limit, after, Column::CreatedAt, |row| After { at: row.created_at, id: row.id }).await
}

/// Keeps by which ids a quarantined event will be looked for.
pub(super) async fn wait_for(tx: &mut Tx, source: &str, refs: &Refs, event_row: Uuid) -> Result<(), StoreError> {
    for reference in refs.all() {
        let row = waiting_ref::ActiveModel {
            source: Set(source.to_owned()),
            reference: Set(reference.to_owned()),
            event_row_id: Set(event_row),
            ..Default::default()
        };
        tx.insert_quiet(row).await?;
    }
    Ok(())
}

/// Quarantined events that wait for any of these ids, oldest first, as far as they are not older
/// than `since`.
pub(super) async fn waiting(tx: &mut Tx, source: &str, refs: &[&str], since: At) -> Result<Vec<Model>, StoreError> {
    let found = tx
        .find::<waiting_ref::Entity>()
        .filter(waiting_ref::Column::Source.eq(source))
        .filter(waiting_ref::Column::Reference.is_in(refs.iter().copied()))
        // Said so that no index can be asked for it: with a span to choose, SQLite goes through everything since.
        .filter(Condition::any().add(waiting_ref::Column::CreatedAt.gte(since)).add(Expr::val(1).eq(0)))
        .limit(REPLAY_MAX * 4)
        .all()
        .await?;
    if found.is_empty() {
        return Ok(vec![]);
    }
    tx.find::<Entity>()
        .filter(Column::Id.is_in(found.iter().map(|row| row.event_row_id)))
        .filter(Column::State.eq(EventState::Quarantined.name()))
        .order_by(Column::OccurredAt, Order::Asc)
        .limit(REPLAY_MAX)
        .all()
        .await
}
