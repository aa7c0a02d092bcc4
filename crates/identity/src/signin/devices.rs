//! Which browsers and clients an account signed in from before.

use kernel::{AccountId, At, Secret, chance};
use sea_orm::{ActiveValue::Set, ColumnTrait as _};
use store::{StoreError, System, SystemSql};

use super::device::{ActiveModel, Column, Entity};
use crate::client::Client;
use crate::sessions::Kind;

/// What remembering a device found out.
pub(crate) struct Remembered {
    /// The account has signed in before, but never from here: its owner is told.
    pub is_news: bool,
    /// The value of a new device cookie, for a browser that had none.
    pub fresh: Option<Secret>,
}

/// Whether the account signed in from the browser with this mark before.
pub(super) async fn is_known(system: &mut System, account: AccountId, mark: &str) -> Result<bool, StoreError> {
    system.find::<Entity>().filter(Column::AccountId.eq(account.uuid())).filter(Column::MarkHash.eq(mark)).exists().await
}

/// Notes that the account signed in from here. A browser without a device cookie gets one; until
/// it shows it, what it calls itself stands in, as it does for other clients.
pub(crate) async fn remember(
    system: &mut System,
    account: AccountId,
    kind: Kind,
    client: &Client,
    now: At,
) -> Result<Remembered, StoreError> {
    let had_any = system.find::<Entity>().filter(Column::AccountId.eq(account.uuid())).exists().await?;
    let was_known = is_known(system, account, &client.mark()).await?;
    note(system, account, client.mark(), now).await?;
    let fresh = (kind.is_browser() && client.device.is_none()).then(chance::token);
    if let Some(fresh) = &fresh {
        note(system, account, Client::cookie_mark(fresh.expose()), now).await?;
    }
    Ok(Remembered { is_news: had_any && !was_known, fresh })
}

const SEEN: SystemSql = SystemSql::both("update devices set last_seen_at = $3, updated_at = $3 where account_id = $1 and mark_hash = $2");

async fn note(system: &mut System, account: AccountId, mark: String, now: At) -> Result<(), StoreError> {
    let seen = SEEN.bind(account.uuid()).bind(mark.as_str()).bind(now);
    let row = ActiveModel { account_id: Set(account.uuid()), mark_hash: Set(mark), last_seen_at: Set(now), ..Default::default() };
    if !system.insert_or_ignore(row, &[Column::AccountId, Column::MarkHash]).await? {
        system.sql(seen).await?;
    }
    Ok(())
}
