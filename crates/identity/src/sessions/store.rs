//! Queries.

use kernel::{AccountId, At, OrgId, Secret, SessionId, chance};
use sea_orm::{ActiveValue::Set, ColumnTrait as _, FromQueryResult, Order};
use store::{StoreError, System, SystemSql};
use uuid::Uuid;

use super::life::{Kind, Life};
use super::{refresh_token, session};

/// A session that has not been ended, with the person behind it. Whether its time is over is for
/// the caller to say, by the clock that never runs backwards.
#[derive(Debug, Clone, FromQueryResult)]
pub(crate) struct Alive {
    pub session: Uuid,
    pub account: Uuid,
    pub org: Option<Uuid>,
    pub kind: String,
    pub last_seen_at: At,
    pub idle_expires_at: At,
    pub expires_at: At,
    pub email: String,
    pub full_name: String,
    pub email_verified_at: Option<At>,
    pub proven_at: Option<At>,
}

impl Alive {
    pub fn kind(&self) -> Kind {
        Kind::parse(&self.kind).unwrap_or(Kind::Browser)
    }

    pub fn life(&self) -> Life {
        Life { idle_expires_at: self.idle_expires_at, expires_at: self.expires_at }
    }
}

macro_rules! alive {
    ($found_by:literal) => {
        SystemSql::both(concat!(
            "select s.id as session, s.account_id as account, s.org_id as org, s.kind as kind, s.last_seen_at as last_seen_at, \
             s.idle_expires_at as idle_expires_at, s.expires_at as expires_at, a.email as email, a.full_name as full_name, \
             a.email_verified_at as email_verified_at, s.proven_at as proven_at from sessions s join accounts a on a.id = s.account_id \
             where s.revoked_at is null and a.is_active and ",
            $found_by
        ))
    };
}

const BY_COOKIE: SystemSql = alive!("s.token_hash = $1");
const BY_ID: SystemSql = alive!("s.id = $1 and s.token_hash is null");

/// The browser session behind a cookie.
pub(crate) async fn alive_by_cookie(system: &mut System, cookie: &str) -> Result<Option<Alive>, StoreError> {
    system.sql_one(BY_COOKIE.bind(chance::digest(cookie))).await
}

/// The client session that an access token names.
pub(crate) async fn alive_by_id(system: &mut System, id: SessionId) -> Result<Option<Alive>, StoreError> {
    system.sql_one(BY_ID.bind(id.uuid())).await
}

const TOUCH: SystemSql =
    SystemSql::both("update sessions set last_seen_at = $2, idle_expires_at = $3, updated_at = $2 where id = $1 and revoked_at is null");

/// Writes a use down.
pub(crate) async fn touch(system: &mut System, id: Uuid, now: At, life: Life) -> Result<(), StoreError> {
    system.sql(TOUCH.bind(id).bind(now).bind(life.idle_expires_at)).await.map(drop)
}

pub(super) async fn find_own(system: &mut System, account: AccountId, id: SessionId) -> Result<Option<session::Model>, StoreError> {
    let own = session::Column::AccountId.eq(account.uuid());
    system.find_by_id::<session::Entity>(id.uuid()).filter(own).filter(session::Column::RevokedAt.is_null()).one().await
}

pub(super) async fn of_account(system: &mut System, account: AccountId, now: At, limit: u64) -> Result<Vec<session::Model>, StoreError> {
    system
        .find::<session::Entity>()
        .filter(session::Column::AccountId.eq(account.uuid()))
        .filter(session::Column::RevokedAt.is_null())
        .filter(session::Column::ExpiresAt.gt(now))
        .filter(session::Column::IdleExpiresAt.gt(now))
        .order_by(session::Column::LastSeenAt, Order::Desc)
        .limit(limit)
        .all()
        .await
}

const END: SystemSql = SystemSql::both("update sessions set revoked_at = $2, updated_at = $2 where id = $1 and revoked_at is null");
const END_ALL: SystemSql =
    SystemSql::both("update sessions set revoked_at = $2, updated_at = $2 where account_id = $1 and revoked_at is null");

/// Whether it was alive until now.
pub(super) async fn end(system: &mut System, id: SessionId, now: At) -> Result<bool, StoreError> {
    Ok(system.sql(END.bind(id.uuid()).bind(now)).await? > 0)
}

/// How many were alive until now.
pub(super) async fn end_all(system: &mut System, account: AccountId, now: At) -> Result<u64, StoreError> {
    system.sql(END_ALL.bind(account.uuid()).bind(now)).await
}

/// A new link in the chain.
pub(super) async fn insert_refresh(system: &mut System, session: SessionId, token: &Secret, expires_at: At) -> Result<Uuid, StoreError> {
    let id = chance::uuid_v7(system.now());
    let row = refresh_token::ActiveModel {
        id: Set(id),
        session_id: Set(session.uuid()),
        token_hash: Set(chance::digest(token.expose())),
        expires_at: Set(expires_at),
        ..Default::default()
    };
    system.insert(row).await?;
    Ok(id)
}

/// What is known about a refresh token that was presented.
#[derive(Debug, Clone, FromQueryResult)]
pub(super) struct Presented {
    pub id: Uuid,
    pub session: Uuid,
    pub account: Uuid,
    pub org: Option<Uuid>,
    pub used_at: Option<At>,
    /// When the token that took its place was used in turn.
    pub successor_used_at: Option<At>,
    pub token_expires_at: At,
    pub session_expires_at: At,
    pub revoked_at: Option<At>,
    pub is_active: bool,
}

impl Presented {
    pub fn session(&self) -> SessionId {
        self.session.into()
    }

    pub fn org(&self) -> Option<OrgId> {
        self.org.map(OrgId::from)
    }
}

const PRESENTED: SystemSql = SystemSql::both(
    "select r.id as id, s.id as session, s.account_id as account, s.org_id as org, r.used_at as used_at, n.used_at as successor_used_at, \
     r.expires_at as token_expires_at, s.expires_at as session_expires_at, s.revoked_at as revoked_at, a.is_active as is_active \
     from refresh_tokens r join sessions s on s.id = r.session_id join accounts a on a.id = s.account_id \
     left join refresh_tokens n on n.id = r.replaced_by where r.token_hash = $1",
);

pub(super) async fn presented(system: &mut System, token: &Secret) -> Result<Option<Presented>, StoreError> {
    system.sql_one(PRESENTED.bind(chance::digest(token.expose()))).await
}

const LEAVE: SystemSql = SystemSql::both("update sessions set org_id = null, version = version + 1 where id = $1");

pub(super) async fn leave(system: &mut System, id: SessionId) -> Result<(), StoreError> {
    system.sql(LEAVE.bind(id.uuid())).await.map(drop)
}

const SPEND: SystemSql =
    SystemSql::both("update refresh_tokens set used_at = $2, updated_at = $2, replaced_by = $3 where id = $1 and used_at is null");

/// Whether we are the one who spends it: of many who race, one is.
pub(super) async fn spend(system: &mut System, id: Uuid, now: At, replaced_by: Uuid) -> Result<bool, StoreError> {
    Ok(system.sql(SPEND.bind(id).bind(now).bind(replaced_by)).await? == 1)
}
