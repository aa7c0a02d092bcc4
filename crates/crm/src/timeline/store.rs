//! Queries about timelines; nobody else asks the table.

use kernel::{After, CustomerId, Limit, Page};
use sea_orm::ColumnTrait as _;
use store::{StoreError, TenantSql, Tx};

use super::entry::{Column, Entity, Entry, EntryId, Model};

pub(super) async fn page(tx: &Tx, customer: CustomerId, limit: Limit, after: Option<After>) -> Result<Page<Model>, StoreError> {
    tx.find::<Entity>()
        .filter(Column::CustomerId.eq(customer.uuid()))
        .page(limit, after.as_ref(), Column::HappenedAt, |row| After { at: row.happened_at, id: row.id })
        .await
}

/// Written with every change of a customer, so it is plain.
const INSERT: TenantSql = TenantSql::both(
    "insert into timeline_entries (org_id, id, created_at, customer_id, kind, text, subject, actor, happened_at) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
);

pub(super) async fn insert(tx: &mut Tx, customer: CustomerId, entry: Entry) -> Result<(), StoreError> {
    let (now, actor) = (tx.now(), tx.actor().to_string());
    let bound = INSERT.bind(EntryId::new(now).uuid()).bind(now).bind(customer.uuid()).bind(entry.kind).bind(entry.text);
    let bound = bound.bind(entry.subject).bind(actor).bind(kernel::clock::to_micros(entry.at));
    tx.sql_late(bound).await
}
