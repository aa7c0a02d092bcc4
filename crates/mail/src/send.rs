//! Handing a letter over, inside the transaction that is the reason for it.

use flows::StartOptions;
use kernel::{At, Failure};
use sea_orm::FromQueryResult;
use store::{Cipher, StoreError, System, SystemSql, TenantSql, Tx};
use uuid::Uuid;

use crate::deliver::DELIVERY;
use crate::letter::{LIFETIME, Letter};
use crate::mail::{MailId, SEAL};

const KEEP: TenantSql = TenantSql::both(
    "insert into mails (org_id, id, created_at, updated_at, version, recipient, sealed, dedupe_key, state, expires_at) \
     values ($1, $2, $3, $3, 1, $4, $5, $6, 'queued', $7) on conflict (org_id, dedupe_key) do nothing",
);

const FIND: TenantSql = TenantSql::both("select id from mails where org_id = $1 and dedupe_key = $2");

const KEEP_SYSTEM: SystemSql = SystemSql::both(
    "insert into mails (org_id, id, created_at, updated_at, version, recipient, sealed, dedupe_key, state, expires_at) \
     values (null, $1, $2, $2, 1, $3, $4, $5, 'queued', $6) on conflict (dedupe_key) where org_id is null do nothing",
);

const FIND_SYSTEM: SystemSql = SystemSql::both("select id from mails where org_id is null and dedupe_key = $1");

const WITHDRAW: TenantSql = TenantSql::both(
    "update mails set state = 'expired', sealed = null, updated_at = $3, version = version + 1, \
     reason = case when handed_at is null then 'withdrawn before it was delivered' else 'withdrawn, and it may have left before' end \
     where org_id = $1 and dedupe_key = $2 and state in ('queued', 'refused') returning handed_at",
);

#[derive(FromQueryResult)]
struct IdRow {
    id: Uuid,
}

#[derive(FromQueryResult)]
struct WithdrawnRow {
    handed_at: Option<At>,
}

/// What is known of a letter that was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawn {
    /// It never left, and never will.
    Unsent,
    /// It had begun to leave, and nobody said how that ended: it is not tried again, and may be with its reader.
    PerhapsSent,
    /// There is none under this key, or it went already.
    Nothing,
}

/// Sends a letter of the organization, if and only if `tx` commits. When a letter with this dedupe
/// key was sent before, nothing happens and its id is returned.
pub async fn send(tx: &mut Tx, letter: Letter) -> Result<MailId, Failure> {
    let now = tx.now();
    let new = NewMail::new(tx.cipher(), now, &letter)?;
    let keep =
        KEEP.bind(new.id.uuid()).bind(now).bind(letter.to.as_str()).bind(new.sealed).bind(letter.dedupe.as_str()).bind(new.expires_at);
    if tx.sql(keep).await? == 0 {
        let found: Option<IdRow> = tx.sql_one(FIND.bind(letter.dedupe)).await?;
        return Ok(found.map(|row| MailId(row.id)).ok_or(StoreError::Conflict)?);
    }
    flows::start(tx, DELIVERY, &new.id, StartOptions::dedupe(new.id.to_string())).await?;
    Ok(new.id)
}

/// Takes a letter back that still waits, if and only if `tx` commits: what it says is no longer true.
/// Its words are erased.
pub async fn withdraw(tx: &mut Tx, dedupe: &str) -> Result<Withdrawn, Failure> {
    let now = tx.now();
    let found: Option<WithdrawnRow> = tx.sql_one(WITHDRAW.bind(dedupe).bind(now)).await?;
    Ok(match found.map(|row| row.handed_at) {
        None => Withdrawn::Nothing,
        Some(None) => Withdrawn::Unsent,
        Some(Some(_)) => Withdrawn::PerhapsSent,
    })
}

/// As [`send`], for a letter of the platform itself: to a person who belongs to no organization yet.
pub async fn send_system(system: &mut System, letter: Letter) -> Result<MailId, Failure> {
    let now = system.now();
    let new = NewMail::new(system.cipher(), now, &letter)?;
    let keep = KEEP_SYSTEM
        .bind(new.id.uuid())
        .bind(now)
        .bind(letter.to.as_str())
        .bind(new.sealed)
        .bind(letter.dedupe.as_str())
        .bind(new.expires_at);
    if system.sql(keep).await? == 0 {
        let found: Option<IdRow> = system.sql_one(FIND_SYSTEM.bind(letter.dedupe)).await?;
        return Ok(found.map(|row| MailId(row.id)).ok_or(StoreError::Conflict)?);
    }
    flows::start_system(system, DELIVERY, &new.id, StartOptions::dedupe(new.id.to_string())).await?;
    Ok(new.id)
}

/// What is stored besides address and key.
struct NewMail {
    id: MailId,
    sealed: String,
    expires_at: At,
}

impl NewMail {
    fn new(cipher: &Cipher, now: At, letter: &Letter) -> Result<Self, Failure> {
        letter.check()?;
        let words = serde_json::to_string(&letter.words()).map_err(Failure::internal)?;
        let expires_at = letter.expires_at.unwrap_or(now + LIFETIME);
        Ok(Self { id: MailId::new(now), sealed: cipher.seal(SEAL, &words), expires_at })
    }
}
