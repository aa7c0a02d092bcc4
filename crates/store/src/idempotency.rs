//! Idempotency keys: the answer of a request is kept in the transaction of its effect, so that a
//! repeated request gets the first one's answer, and nothing happens twice.

use kernel::At;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait as _, IntoActiveModel as _};

use crate::{StoreError, System, SystemSql, TenantSql, Tx};

/// The label under which answers are sealed: some of them show a secret once.
const LABEL: &str = "idempotency.body";
/// A claim that finds the row changed under its hands looks again this often.
const TRIES: u32 = 3;

/// One key: the table `idempotency_keys`.
pub mod row {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "idempotency_keys")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub org_id: Uuid,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
        pub version: i32,
        pub route: String,
        pub key: String,
        pub body_hash: String,
        /// The HTTP status of the answer; missing while the request runs.
        pub status: Option<i32>,
        /// The answer, sealed.
        pub body: Option<String>,
        pub expires_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

crate::org_scoped!(row);

/// What a key was found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// First seen here: do the work, then call [`Tx::idempotency_finish`].
    Fresh,
    /// Done before: answer this again.
    Replay { status: u16, body: String },
    /// The key was used with another body.
    BodyDiffers,
    /// The first request did not finish in time. The transaction is spoilt; drop it.
    StillRunning,
}

impl Tx {
    /// Claims `key` for `route`. Waits for another transaction that holds the same key.
    pub async fn idempotency_claim(&mut self, route: &str, key: &str, body_hash: &str, expires_at: At) -> Result<Claim, StoreError> {
        for _ in 0..TRIES {
            match self.claim_once(route, key, body_hash, expires_at).await {
                Ok(Some(claim)) => return Ok(claim),
                Ok(None) => {}
                Err(StoreError::TimedOut) => return Ok(Claim::StillRunning),
                Err(error) => return Err(error),
            }
        }
        Ok(Claim::StillRunning)
    }

    /// `None` when the row changed while it was looked at.
    async fn claim_once(&mut self, route: &str, key: &str, body_hash: &str, expires_at: At) -> Result<Option<Claim>, StoreError> {
        let id = kernel::chance::uuid_v7(self.now());
        let fresh = row::ActiveModel {
            id: Set(id),
            route: Set(route.to_owned()),
            key: Set(key.to_owned()),
            body_hash: Set(body_hash.to_owned()),
            status: Set(None),
            body: Set(None),
            expires_at: Set(expires_at),
            ..Default::default()
        };
        if self.insert_or_ignore(fresh, &[row::Column::OrgId, row::Column::Route, row::Column::Key]).await? {
            self.claimed = Some(id);
            return Ok(Some(Claim::Fresh));
        }
        let found =
            self.find::<row::Entity>().filter(row::Column::Route.eq(route)).filter(row::Column::Key.eq(key)).for_update().one().await?;
        let Some(found) = found else { return Ok(None) };
        if found.expires_at <= self.now() {
            return self.replace_expired(found, body_hash, expires_at).await;
        }
        Ok(Some(match (found.body_hash == body_hash, found.status, &found.body) {
            (false, _, _) => Claim::BodyDiffers,
            (true, Some(status), Some(body)) => {
                let body = self.cipher().open(LABEL, body)?.expose().to_owned();
                Claim::Replay { status: u16::try_from(status).unwrap_or(500), body }
            }
            (true, _, _) => Claim::StillRunning,
        }))
    }

    async fn replace_expired(&mut self, found: row::Model, body_hash: &str, expires_at: At) -> Result<Option<Claim>, StoreError> {
        let id = found.id;
        let mut again = found.into_active_model();
        again.body_hash = Set(body_hash.to_owned());
        again.status = Set(None);
        again.body = Set(None);
        again.expires_at = Set(expires_at);
        match self.update(again).await {
            Ok(_) => {
                self.claimed = Some(id);
                Ok(Some(Claim::Fresh))
            }
            Err(StoreError::Conflict) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Stores the answer of the key that this transaction claimed; without one it does nothing.
    pub async fn idempotency_finish(&mut self, status: u16, body: &str) -> Result<(), StoreError> {
        let Some(id) = self.claimed.take() else { return Ok(()) };
        let sealed = self.cipher().seal(LABEL, body);
        let done = FINISH.bind(id).bind(i32::from(status)).bind(sealed).bind(self.now());
        if self.sql(done).await? == 1 { Ok(()) } else { Err(StoreError::Conflict) }
    }
}

/// The claim holds the row, so nobody has changed it since.
const FINISH: TenantSql = TenantSql::both(
    "update idempotency_keys set status = $3, body = $4, updated_at = $5, version = version + 1 where org_id = $1 and id = $2",
);

/// Through the index on `expires_at`, the oldest first.
const SWEEP: SystemSql = SystemSql::both(
    "delete from idempotency_keys where id in (select id from idempotency_keys where expires_at <= $1 order by expires_at limit $2)",
);

impl System {
    /// Removes at most `limit` keys that expired, the oldest first; counts them. A key that has not
    /// expired may still be asked for and stays.
    pub async fn sweep_idempotency_keys(&mut self, limit: u64) -> Result<u64, StoreError> {
        let now = self.now();
        self.sql(SWEEP.bind(now).bind(i64::try_from(limit).unwrap_or(i64::MAX))).await
    }
}
