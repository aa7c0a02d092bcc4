//! A letter at rest: queued with sealed words, later a line in a log without them.

use std::str::FromStr as _;

use kernel::{At, MailAddress};
use sea_orm::FromQueryResult;
use store::{Store, StoreError, System, SystemSql};

use crate::letter::Words;

kernel::id!(/// One letter to one person.
    pub struct MailId("mal"));

/// The label under which words are sealed.
pub(crate) const SEAL: &str = "mail.words";

const FIND: SystemSql = SystemSql::both("select recipient, sealed, state, expires_at, handed_at from mails where id = $1");

/// Nobody can take it back any more as if it had never left; and what was taken back does not leave.
const HAND_OVER: SystemSql = SystemSql::both(
    "update mails set handed_at = coalesce(handed_at, $2), updated_at = $2, version = version + 1 \
     where id = $1 and state in ('queued', 'refused')",
);

/// Whatever was written down meanwhile: a letter that was taken back while it left is with its reader all
/// the same.
const SENT: SystemSql = SystemSql::both(
    "update mails set state = 'sent', sealed = null, reason = null, sent_at = $2, updated_at = $2, version = version + 1 \
     where id = $1 and state <> 'sent'",
);

/// Only where it still may go: in one transaction with its delivery, what was taken back before stays away.
const SENT_NOW: SystemSql = SystemSql::both(
    "update mails set state = 'sent', sealed = null, reason = null, sent_at = $2, updated_at = $2, version = version + 1 \
     where id = $1 and state in ('queued', 'refused')",
);

const EXPIRED: SystemSql = SystemSql::both(
    "update mails set state = 'expired', sealed = null, reason = $2, updated_at = $3, version = version + 1 where id = $1 and state <> 'sent'",
);

const NOTE: SystemSql = SystemSql::both(
    "update mails set state = $2, reason = $3, handed_at = case when $5 then handed_at else null end, updated_at = $4, \
     version = version + 1 where id = $1 and state not in ('sent', 'expired')",
);

/// What delivery needs to know.
pub(crate) struct Queued {
    pub(crate) to: MailAddress,
    pub(crate) words: Words,
    pub(crate) expires_at: At,
    /// An earlier try may have brought it to its reader.
    pub(crate) may_have_left: bool,
}

#[derive(FromQueryResult)]
struct MailRow {
    recipient: String,
    sealed: Option<String>,
    state: String,
    expires_at: At,
    handed_at: Option<At>,
}

/// A letter that still has to go; `None` when it went, expired, or is unknown.
pub(crate) async fn find(store: &Store, id: MailId) -> Result<Option<Queued>, StoreError> {
    let mut door = store.system_read("mail: find a letter to deliver").await?;
    let Some(row) = door.sql_one::<MailRow>(FIND.bind(id.uuid())).await? else { return Ok(None) };
    let (Some(sealed), Ok(to)) = (row.sealed, MailAddress::from_str(&row.recipient)) else { return Ok(None) };
    if !matches!(row.state.as_str(), "queued" | "refused") {
        return Ok(None);
    }
    let opened = store.cipher().open(SEAL, &sealed)?;
    let words = serde_json::from_str(opened.expose()).map_err(|_| StoreError::Sealed)?;
    Ok(Some(Queued { to, words, expires_at: row.expires_at, may_have_left: row.handed_at.is_some() }))
}

/// Writes down that a letter leaves now, before it does. `false` when it was taken back in the meantime.
pub(crate) async fn hand_over(store: &Store, id: MailId) -> Result<bool, StoreError> {
    let mut door = store.system("mail: mark a letter that begins to leave").await?;
    let now = door.now();
    let marked = door.sql(HAND_OVER.bind(id.uuid()).bind(now)).await?;
    door.commit().await?;
    Ok(marked == 1)
}

/// Delivered: the words are erased.
pub(crate) async fn sent(store: &Store, id: MailId) -> Result<(), StoreError> {
    let mut door = store.system("mail: mark a letter as sent").await?;
    let now = door.now();
    door.sql(SENT.bind(id.uuid()).bind(now)).await?;
    door.commit().await
}

/// Marks a letter that waits as sent, within a larger change. `false` when it was taken back, or went before.
pub(crate) async fn mark_sent(door: &mut System, id: MailId) -> Result<bool, StoreError> {
    let now = door.now();
    Ok(door.sql(SENT_NOW.bind(id.uuid()).bind(now)).await? == 1)
}

/// Too late to be sent: the words are erased, and the row says why.
pub(crate) async fn expired(store: &Store, id: MailId, reason: &str) -> Result<(), StoreError> {
    let mut door = store.system("mail: let a letter expire").await?;
    let now = door.now();
    door.sql(EXPIRED.bind(id.uuid()).bind(reason).bind(now)).await?;
    door.commit().await
}

/// Not delivered yet, or refused for good; the words stay for another try. Unless this or an earlier try
/// `may_have_left`, it can be taken back as if nothing had been tried.
pub(crate) async fn note(store: &Store, id: MailId, state: &'static str, reason: &str, may_have_left: bool) -> Result<(), StoreError> {
    let mut door = store.system("mail: note a failed delivery").await?;
    let now = door.now();
    door.sql(NOTE.bind(id.uuid()).bind(state).bind(reason).bind(now).bind(may_have_left)).await?;
    door.commit().await
}
