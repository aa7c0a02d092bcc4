//! Queries.

use std::collections::HashMap;

use kernel::{AccountId, After, Limit, MemberId, Page};
use sea_orm::{ColumnTrait as _, FromQueryResult};
use store::{StoreError, System, SystemSql, Tx};
use uuid::Uuid;

use super::member::{Column, Entity, MembershipView, Model};
use crate::organizations::OrganizationView;
use crate::roles::Role;

pub(super) async fn find(tx: &mut Tx, id: MemberId) -> Result<Option<Model>, StoreError> {
    tx.find_by_id::<Entity>(id.uuid()).one().await
}

/// The same, held until the transaction ends.
pub(super) async fn hold(tx: &mut Tx, id: MemberId) -> Result<Option<Model>, StoreError> {
    tx.find_by_id::<Entity>(id.uuid()).for_update().one().await
}

pub(super) async fn of_account(tx: &mut Tx, account: AccountId) -> Result<Option<Model>, StoreError> {
    tx.find::<Entity>().filter(Column::AccountId.eq(account.uuid())).one().await
}

pub(super) async fn has_account(tx: &mut Tx, account: AccountId) -> Result<bool, StoreError> {
    tx.find::<Entity>().filter(Column::AccountId.eq(account.uuid())).exists().await
}

pub(super) async fn has_address(tx: &mut Tx, email_normal: &str) -> Result<bool, StoreError> {
    tx.find::<Entity>().filter(Column::EmailNormal.eq(email_normal)).exists().await
}

pub(super) async fn list(tx: &mut Tx, limit: Limit, after: Option<After>) -> Result<Page<Model>, StoreError> {
    let place = |row: &Model| After { at: row.created_at, id: row.id };
    tx.find::<Entity>().page(limit, after.as_ref(), Column::CreatedAt, place).await
}

pub(super) async fn active_admins(tx: &mut Tx) -> Result<u64, StoreError> {
    tx.find::<Entity>().filter(Column::Role.eq(Role::Admin.name())).filter(Column::IsActive.eq(true)).count().await
}

/// Names by account id, for lines that tell who did something.
pub(super) async fn names(tx: &mut Tx, accounts: Vec<Uuid>) -> Result<HashMap<Uuid, String>, StoreError> {
    let rows = tx.find::<Entity>().filter(Column::AccountId.is_in(accounts)).all().await?;
    Ok(rows.into_iter().map(|row| (row.account_id, row.name)).collect())
}

#[derive(Debug, FromQueryResult)]
struct Place {
    member: Uuid,
    version: i32,
    role: String,
    org: Uuid,
    name: String,
    slug: String,
    founded_at: kernel::At,
}

const PLACES: SystemSql = SystemSql::both(
    "select m.id as member, m.version as version, m.role as role, o.id as org, o.name as name, o.slug as slug, \
     o.created_at as founded_at from memberships m join organizations o on o.id = m.org_id \
     where m.account_id = $1 and m.is_active and o.is_active order by m.created_at, m.id",
);

pub(super) async fn places_of(system: &mut System, account: AccountId) -> Result<Vec<MembershipView>, StoreError> {
    let places: Vec<Place> = system.sql_all(PLACES.bind(account.uuid())).await?;
    Ok(places.into_iter().map(MembershipView::from).collect())
}

impl From<Place> for MembershipView {
    fn from(place: Place) -> Self {
        let organization =
            OrganizationView { id: place.org.into(), name: place.name, slug: place.slug, is_active: true, created_at: place.founded_at };
        Self { member: place.member.into(), version: place.version, role: Role::stored(&place.role), organization }
    }
}

// The version stays: a new name changes nobody's rights.
const RENAME: SystemSql = SystemSql::both("update memberships set name = $2, updated_at = $3 where account_id = $1");

pub(super) async fn rename(system: &mut System, account: AccountId, name: &str) -> Result<u64, StoreError> {
    let now = system.now();
    system.sql(RENAME.bind(account.uuid()).bind(name).bind(now)).await
}

const OUTDATE: SystemSql = SystemSql::both("update memberships set version = version + 1, updated_at = $2 where account_id = $1");

pub(super) async fn outdate(system: &mut System, account: AccountId) -> Result<u64, StoreError> {
    let now = system.now();
    system.sql(OUTDATE.bind(account.uuid()).bind(now)).await
}
