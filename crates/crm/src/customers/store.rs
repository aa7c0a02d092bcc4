//! Queries about customers; nobody else asks the table.

use kernel::{After, CustomerId, Limit, Page};
use sea_orm::{ColumnTrait as _, Condition};
use store::{StoreError, TenantSql, Tx};
use uuid::Uuid;

use super::customer::{Column, Entity, Model, normal};

/// Which customers a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shown {
    /// Those in daily use.
    #[default]
    Active,
    Archived,
    Both,
}

/// What a list asks for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The beginning of a name, a mail address or a reference.
    pub search: Option<String>,
    pub shown: Shown,
}

/// The largest character there is: what begins with a prefix sorts before prefix + this.
const LAST: char = char::MAX;

pub(super) async fn page(tx: &Tx, wanted: &Wanted, limit: Limit, after: Option<After>) -> Result<Page<Model>, StoreError> {
    let mut found = tx.find::<Entity>();
    found = match wanted.shown {
        Shown::Active => found.filter(Column::ArchivedAt.is_null()),
        Shown::Archived => found.filter(Column::ArchivedAt.is_not_null()),
        Shown::Both => found,
    };
    if let Some(prefix) = wanted.search.as_deref().map(normal).filter(|prefix| !prefix.is_empty()) {
        found = found.filter(begins_with(&prefix));
    }
    found.page(limit, after.as_ref(), Column::CreatedAt, |row| After { at: row.created_at, id: row.id }).await
}

/// A prefix as a range, because a range can use the index under row-level security and `LIKE`
/// can't.
fn begins_with(prefix: &str) -> Condition {
    let end = format!("{prefix}{LAST}");
    let range = |column: Column| Condition::all().add(column.gte(prefix)).add(column.lt(end.as_str()));
    [Column::NameNormal, Column::EmailNormal, Column::ExternalRefNormal].into_iter().map(range).fold(Condition::any(), Condition::add)
}

pub(super) async fn by_id(tx: &Tx, id: CustomerId) -> Result<Option<Model>, StoreError> {
    tx.find_by_id::<Entity>(id.uuid()).one().await
}

pub(super) async fn by_ids(tx: &Tx, ids: &[CustomerId]) -> Result<Vec<Model>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    tx.find::<Entity>().filter(Column::Id.is_in(ids)).all().await
}

/// Asked with every payment of somebody, so it is one question. The columns stand here by name, because
/// a newer version may add some while this one serves. The choice between the two is a question of its
/// own, because PostgreSQL doesn't take a bare `coalesce` behind row-level security for a key of an index:
/// it would read the customers of everybody.
const BY_REF_ELSE_EMAIL: TenantSql = TenantSql::both(
    "select id, org_id, name, name_normal, email, email_normal, phone, external_ref, external_ref_normal, locale, timezone, archived_at, \
     created_at, updated_at, version from customers where org_id = $1 and id = (select coalesce( \
     (select id from customers where org_id = $1 and external_ref = $2), \
     (select id from customers where org_id = $1 and email_normal = $3 and archived_at is null order by created_at desc, id desc limit 1)))",
);

/// Whom [`by_external_ref`] finds, else whom [`by_email`] finds.
pub(super) async fn by_external_ref_else_email(tx: &mut Tx, external_ref: &str, email_normal: &str) -> Result<Option<Model>, StoreError> {
    tx.sql_one(BY_REF_ELSE_EMAIL.bind(external_ref).bind(email_normal)).await
}

pub(super) async fn by_external_ref(tx: &Tx, external_ref: &str) -> Result<Option<Model>, StoreError> {
    tx.find::<Entity>().filter(Column::ExternalRef.eq(external_ref)).one().await
}

/// The newest one in use with this address: addresses are not unique, families share them.
pub(super) async fn by_email(tx: &Tx, email_normal: &str) -> Result<Option<Model>, StoreError> {
    tx.find::<Entity>()
        .filter(Column::EmailNormal.eq(email_normal))
        .filter(Column::ArchivedAt.is_null())
        .newest(Column::CreatedAt)
        .limit(1)
        .one()
        .await
}
