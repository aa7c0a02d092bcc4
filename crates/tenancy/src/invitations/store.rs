//! Queries.

use kernel::{AccountId, After, InvitationId, Limit, OrgId, Page};
use sea_orm::{ColumnTrait as _, FromQueryResult};
use store::{StoreError, System, SystemSql, Tx};
use uuid::Uuid;

use super::invitation::{Column, Entity, Model};

pub(super) async fn find(tx: &mut Tx, id: InvitationId) -> Result<Option<Model>, StoreError> {
    tx.find_by_id::<Entity>(id.uuid()).for_update().one().await
}

pub(super) async fn by_token(tx: &mut Tx, token_hash: &str) -> Result<Option<Model>, StoreError> {
    tx.find::<Entity>().filter(Column::TokenHash.eq(token_hash)).one().await
}

/// The same, held: of two who accept, the second one sees what the first one did.
pub(super) async fn hold_by_token(tx: &mut Tx, token_hash: &str) -> Result<Option<Model>, StoreError> {
    tx.find::<Entity>().filter(Column::TokenHash.eq(token_hash)).for_update().one().await
}

/// The invitation of an address that was neither accepted nor revoked; it may have expired.
pub(super) async fn unsettled(tx: &mut Tx, email_normal: &str) -> Result<Option<Model>, StoreError> {
    open(tx).filter(Column::EmailNormal.eq(email_normal)).for_update().one().await
}

/// The same, without holding it.
pub(super) async fn unsettled_seen(tx: &mut Tx, email_normal: &str) -> Result<Option<Model>, StoreError> {
    open(tx).filter(Column::EmailNormal.eq(email_normal)).one().await
}

/// What the console shows below the members: neither accepted nor revoked, newest first.
pub(super) async fn all_unsettled(tx: &mut Tx, rows_max: u64) -> Result<Vec<Model>, StoreError> {
    open(tx).newest(Column::CreatedAt).limit(rows_max).all().await
}

/// What one person has invited and nobody has answered, held.
pub(super) async fn unsettled_of(tx: &mut Tx, by: AccountId) -> Result<Vec<Model>, StoreError> {
    open(tx).filter(Column::InvitedBy.eq(by.uuid())).for_update().all().await
}

const FREEZE_OF: SystemSql = SystemSql::both(
    "update invitations set frozen_at = case when $2 then $3 else null end, updated_at = $3, version = version + 1 \
     where invited_by = $1 and accepted_at is null and revoked_at is null",
);

pub(super) async fn freeze_of(system: &mut System, by: AccountId, frozen: bool) -> Result<u64, StoreError> {
    let now = system.now();
    system.sql(FREEZE_OF.bind(by.uuid()).bind(frozen).bind(now)).await
}

fn open(tx: &mut Tx) -> store::Find<'_, Entity> {
    tx.find::<Entity>().filter(Column::AcceptedAt.is_null()).filter(Column::RevokedAt.is_null())
}

pub(super) async fn list(tx: &mut Tx, limit: Limit, after: Option<After>) -> Result<Page<Model>, StoreError> {
    let place = |row: &Model| After { at: row.created_at, id: row.id };
    tx.find::<Entity>().page(limit, after.as_ref(), Column::CreatedAt, place).await
}

#[derive(FromQueryResult)]
struct Leads {
    org_id: Uuid,
}

const ORGANIZATION_OF: SystemSql = SystemSql::both(
    "select i.org_id as org_id from invitations i join organizations o on o.id = i.org_id where i.token_hash = $1 and o.is_active",
);

/// Which organization a token leads into: the only thing that is asked before one is known.
pub(super) async fn organization_of(system: &mut System, token_hash: &str) -> Result<Option<OrgId>, StoreError> {
    let leads: Option<Leads> = system.sql_one(ORGANIZATION_OF.bind(token_hash)).await?;
    Ok(leads.map(|leads| leads.org_id.into()))
}
