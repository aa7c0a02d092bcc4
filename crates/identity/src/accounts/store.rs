//! Queries.

use kernel::{AccountId, At, MailAddress, OrgId};
use sea_orm::{ActiveValue::Set, ColumnTrait as _, Order};
use store::{StoreError, System, SystemSql};

use super::account::{ActiveModel, Column, Entity, Model};

/// What a new account is made of.
pub(crate) struct Row<'a> {
    pub id: AccountId,
    pub email: &'a MailAddress,
    pub full_name: &'a str,
    pub password_hash: String,
    pub org: OrgId,
    /// For somebody who has shown already that the address is theirs.
    pub verified_at: Option<At>,
}

pub(crate) async fn insert(system: &mut System, new: Row<'_>) -> Result<Model, StoreError> {
    let row = ActiveModel {
        id: Set(new.id.uuid()),
        email: Set(new.email.as_str().to_owned()),
        email_normal: Set(new.email.normal().to_owned()),
        full_name: Set(new.full_name.trim().to_owned()),
        password_hash: Set(new.password_hash),
        password_changed_at: Set(system.now()),
        email_verified_at: Set(new.verified_at),
        is_active: Set(true),
        default_org: Set(Some(new.org.uuid())),
        ..Default::default()
    };
    system.insert(row).await
}

pub(crate) async fn find(system: &mut System, id: AccountId) -> Result<Option<Model>, StoreError> {
    system.find_by_id::<Entity>(id.uuid()).one().await
}

pub(crate) async fn by_email(system: &mut System, email: &MailAddress) -> Result<Option<Model>, StoreError> {
    system.find::<Entity>().filter(Column::EmailNormal.eq(email.normal())).one().await
}

/// Oldest first, after `after`.
pub(super) async fn page(system: &mut System, after: Option<AccountId>, limit: u64) -> Result<Vec<Model>, StoreError> {
    let mut find = system.find::<Entity>().order_by(Column::Id, Order::Asc).limit(limit);
    if let Some(after) = after {
        find = find.filter(Column::Id.gt(after.uuid()));
    }
    find.all().await
}

const RENAME: SystemSql = SystemSql::both("update accounts set full_name = $2, updated_at = $3, version = version + 1 where id = $1");

pub(super) async fn rename(system: &mut System, id: AccountId, full_name: &str, now: At) -> Result<(), StoreError> {
    system.sql(RENAME.bind(id.uuid()).bind(full_name).bind(now)).await.map(drop)
}

const FREEZE: SystemSql =
    SystemSql::both("update accounts set is_active = $2, updated_at = $3, version = version + 1 where id = $1 and is_active <> $2");

/// Whether anything changed.
pub(super) async fn set_active(system: &mut System, id: AccountId, is_active: bool, now: At) -> Result<bool, StoreError> {
    Ok(system.sql(FREEZE.bind(id.uuid()).bind(is_active).bind(now)).await? > 0)
}

const VERIFY: SystemSql = SystemSql::both(
    "update accounts set email_verified_at = $2, updated_at = $2, version = version + 1 where id = $1 and email_verified_at is null",
);

/// Notes that the address is the person's; the first time stays.
pub(crate) async fn verify(system: &mut System, id: AccountId, now: At) -> Result<(), StoreError> {
    system.sql(VERIFY.bind(id.uuid()).bind(now)).await.map(drop)
}

const SET_PASSWORD: SystemSql = SystemSql::both(
    "update accounts set password_hash = $3, password_changed_at = $4, updated_at = $4, version = version + 1 \
     where id = $1 and password_hash = $2",
);

/// Puts a new hash in the place of the one that was checked; `false` when it has changed since.
pub(crate) async fn set_password(system: &mut System, id: AccountId, checked: &str, new: &str, now: At) -> Result<bool, StoreError> {
    Ok(system.sql(SET_PASSWORD.bind(id.uuid()).bind(checked).bind(new).bind(now)).await? == 1)
}

const REHASH: SystemSql = SystemSql::both("update accounts set password_hash = $3, updated_at = $4 where id = $1 and password_hash = $2");

/// The same password at today's cost: nothing changed for its owner.
pub(crate) async fn rehash(system: &mut System, id: AccountId, checked: &str, new: &str, now: At) -> Result<(), StoreError> {
    system.sql(REHASH.bind(id.uuid()).bind(checked).bind(new).bind(now)).await.map(drop)
}

const IS_ACTIVE: SystemSql = SystemSql::both("select 1 as found from accounts where id = $1 and is_active");

#[derive(sea_orm::FromQueryResult)]
struct Found {
    #[expect(dead_code, reason = "that there is a row is the answer")]
    found: i32,
}

/// Whether the account exists and is not frozen.
pub(crate) async fn is_active(system: &mut System, id: AccountId) -> Result<bool, StoreError> {
    let found: Option<Found> = system.sql_one(IS_ACTIVE.bind(id.uuid())).await?;
    Ok(found.is_some())
}
