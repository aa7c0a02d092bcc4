//! Queries.

use kernel::{AccountId, At, Secret, chance};
use sea_orm::{ActiveValue::Set, FromQueryResult};
use store::{StoreError, System, SystemSql};
use uuid::Uuid;

use super::one_time_token::{ActiveModel, Purpose};

/// Makes a token for a mail that is sent now. Earlier ones of the same purpose end with it: only
/// the newest mail works.
pub(crate) async fn issue(system: &mut System, account: AccountId, purpose: Purpose, now: At) -> Result<Secret, StoreError> {
    retire(system, account, purpose, now).await?;
    let token = chance::token();
    let row = ActiveModel {
        account_id: Set(account.uuid()),
        purpose: Set(purpose.name().to_owned()),
        token_hash: Set(chance::digest(token.expose())),
        expires_at: Set(now + purpose.lifetime()),
        ..Default::default()
    };
    system.insert(row).await?;
    Ok(token)
}

const RETIRE: SystemSql =
    SystemSql::both("update one_time_tokens set used_at = $3, updated_at = $3 where account_id = $1 and purpose = $2 and used_at is null");

pub(super) async fn retire(system: &mut System, account: AccountId, purpose: Purpose, now: At) -> Result<(), StoreError> {
    system.sql(RETIRE.bind(account.uuid()).bind(purpose.name()).bind(now)).await.map(drop)
}

#[derive(Debug, FromQueryResult)]
struct Owner {
    account_id: Uuid,
}

const OWNER: SystemSql = SystemSql::both(
    "select account_id from one_time_tokens where token_hash = $1 and purpose = $2 and used_at is null and expires_at > $3",
);

/// Whose token it is, without spending it.
pub(super) async fn owner(system: &mut System, token: &Secret, purpose: Purpose, now: At) -> Result<Option<AccountId>, StoreError> {
    let owner: Option<Owner> = system.sql_one(OWNER.bind(chance::digest(token.expose())).bind(purpose.name()).bind(now)).await?;
    Ok(owner.map(|owner| owner.account_id.into()))
}

const SPEND: SystemSql = SystemSql::both(
    "update one_time_tokens set used_at = $3, updated_at = $3 where token_hash = $1 and purpose = $2 and used_at is null and expires_at > $3 \
     returning account_id",
);

/// Spends the token. One statement: of many who race, one gets an answer.
pub(super) async fn spend(system: &mut System, token: &Secret, purpose: Purpose, now: At) -> Result<Option<AccountId>, StoreError> {
    let owner: Option<Owner> = system.sql_one(SPEND.bind(chance::digest(token.expose())).bind(purpose.name()).bind(now)).await?;
    Ok(owner.map(|owner| owner.account_id.into()))
}
