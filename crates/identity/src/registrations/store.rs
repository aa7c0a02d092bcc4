//! Queries.

use kernel::{At, Secret, chance};
use sea_orm::{ActiveValue::Set, ColumnTrait as _, FromQueryResult};
use store::{StoreError, System, SystemSql};
use uuid::Uuid;

use super::registration::{ActiveModel, Column, Entity, LIFETIME, Model};
use crate::accounts::Register;

/// Writes down what was asked for, with the hash of nobody's password.
pub(super) async fn insert(system: &mut System, id: Uuid, new: Register, nobody: &str, now: At) -> Result<(), StoreError> {
    let row = ActiveModel {
        id: Set(id),
        email: Set(new.email.as_str().to_owned()),
        email_normal: Set(new.email.normal().to_owned()),
        full_name: Set(new.full_name.trim().to_owned()),
        password_hash: Set(nobody.to_owned()),
        org_name: Set(new.org_name),
        org_slug: Set(new.org_slug),
        expires_at: Set(now + LIFETIME),
        ..Default::default()
    };
    system.insert(row).await.map(drop)
}

pub(super) async fn find(system: &mut System, id: Uuid) -> Result<Option<Model>, StoreError> {
    system.find_by_id::<Entity>(id).one().await
}

pub(super) async fn delete(system: &mut System, id: Uuid) -> Result<(), StoreError> {
    system.delete::<Entity>(id).await.map(drop)
}

const ARM: SystemSql = SystemSql::both(
    "update pending_registrations set token_hash = $2, expires_at = $3, updated_at = $4, version = version + 1 \
     where id = $1 and token_hash is null",
);

/// Gives the registration its token; the day begins with the mail.
pub(super) async fn arm(system: &mut System, id: Uuid, token: &Secret, now: At) -> Result<(), StoreError> {
    system.sql(ARM.bind(id).bind(chance::digest(token.expose())).bind(now + LIFETIME).bind(now)).await.map(drop)
}

/// The registration behind a token, without spending it.
pub(super) async fn by_token(system: &mut System, token: &Secret, now: At) -> Result<Option<Model>, StoreError> {
    let digest = chance::digest(token.expose());
    system.find::<Entity>().filter(Column::TokenHash.eq(digest)).filter(Column::ExpiresAt.gt(now)).one().await
}

/// What an account is made of.
#[derive(Debug, FromQueryResult)]
pub(super) struct Taken {
    pub email: String,
    pub full_name: String,
    pub org_name: String,
    pub org_slug: Option<String>,
}

const TAKE: SystemSql = SystemSql::both(
    "delete from pending_registrations where token_hash = $1 and expires_at > $2 \
     returning email, full_name, org_name, org_slug",
);

/// Takes the registration out, and so spends its token. One statement: of many who race, one gets
/// an answer.
pub(super) async fn take(system: &mut System, token: &Secret, now: At) -> Result<Option<Taken>, StoreError> {
    system.sql_one(TAKE.bind(chance::digest(token.expose())).bind(now)).await
}
