//! What an operator does on the machine: there is no platform administrator over HTTP.

use ::store::{AuditLine, Tx};
use host::Core;
use kernel::{AccountId, Actor, At, Check, Failed, MailAddress, OrgId, Secret};
use serde::Serialize;
use tenancy::{FirstMember, NewOrganization};

use super::account::{Model, NAME_LEN_MAX};
use super::{AccountFault, founding, store};
use crate::events::{AccountFrozen, AccountThawed};
use crate::passwords::{self, About};
use crate::{Identity, sessions};

/// Accounts that are read at once.
const PAGE: u64 = 500;

/// A line of the list.
#[derive(Debug, Clone, Serialize)]
pub struct AccountLine {
    pub id: AccountId,
    pub email: String,
    pub full_name: String,
    pub is_active: bool,
    pub email_verified_at: Option<At>,
    pub created_at: At,
}

impl From<Model> for AccountLine {
    fn from(row: Model) -> Self {
        Self {
            id: row.account_id(),
            email: row.email,
            full_name: row.full_name,
            is_active: row.is_active,
            email_verified_at: row.email_verified_at,
            created_at: row.created_at,
        }
    }
}

/// An account that an operator makes, with an organization of its own.
#[derive(Debug, Clone)]
pub struct NewAccount {
    pub email: MailAddress,
    pub password: Secret,
    pub full_name: String,
    pub org_name: String,
    pub org_slug: Option<String>,
}

/// Every account, oldest first.
pub async fn list(core: &Core) -> Result<Vec<AccountLine>, kernel::Failure> {
    let mut system = core.store.system_read("an operator lists accounts").await?;
    let mut lines: Vec<AccountLine> = Vec::new();
    loop {
        let page = store::page(&mut system, lines.last().map(|line| line.id), PAGE).await?;
        let is_last = page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
        lines.extend(page.into_iter().map(AccountLine::from));
        if is_last {
            return Ok(lines);
        }
    }
}

/// Makes an account whose address the operator vouches for, whatever the settings say about
/// registration. No mail is sent.
pub async fn add(core: &Core, new: NewAccount) -> Result<AccountLine, Failed<AccountFault>> {
    let mut check = Check::new();
    check.name("full_name", &new.full_name, 1..=NAME_LEN_MAX);
    check.done()?;
    let identity = Identity::of(core);
    let about = About { email: new.email.normal().to_owned(), names: vec![new.full_name.clone(), new.org_name.clone()] };
    let password = passwords::choose(&identity.pool, identity.settings.rules(), "password", &new.password, about).await?;
    let password_hash = identity.pool.hash(&password).await?;

    let now = core.clock.now();
    let (id, org) = (AccountId::new(now), OrgId::new(now));
    let mut system = core.store.system("an operator makes an account").await?;
    let row = store::Row { id, email: &new.email, full_name: &new.full_name, password_hash, org, verified_at: Some(now) };
    let account = store::insert(&mut system, row).await.map_err(founding::taken)?;
    let mut tx = system.within(org, Actor::System("operator")).await?;
    let first = FirstMember { account: id, name: account.full_name.clone(), email: new.email };
    tenancy::found(&mut tx, NewOrganization { name: new.org_name, slug: new.org_slug, may_vary: false }, first)
        .await
        .map_err(Failed::of)?;
    tx.audit(AuditLine::new("account.added", "account", id.uuid())).await?;
    tx.commit().await?;
    Ok(account.into())
}

/// Freezes an account, or lets it in again. Frozen, every way in is shut: its sessions end, its
/// keys are refused, what it has invited opens to nobody, and requests under way are refused by the
/// version of its memberships. `false` when nobody has the address; a second time changes nothing.
pub async fn freeze(core: &Core, email: &MailAddress, frozen: bool) -> Result<bool, Failed<AccountFault>> {
    let now = core.clock.now_secure();
    let mut system = core.store.system("an operator freezes an account").await?;
    let Some(account) = store::by_email(&mut system, email).await? else { return Ok(false) };
    let id = account.account_id();
    if !store::set_active(&mut system, id, !frozen, now).await? {
        return Ok(true);
    }
    if frozen {
        sessions::end_all(&mut system, id, now).await?;
    }
    // Requests under way, on every replica, read their rights at a version that this moves on. It comes before
    // the invitations: one that is being made is waited for, and found.
    tenancy::members::outdate(&mut system, id).await?;
    tenancy::invitations::freeze_of(&mut system, id, frozen).await?;
    match account.default_org.map(OrgId::from) {
        Some(org) => {
            let mut tx = system.within(org, Actor::System("operator")).await?;
            tell(&mut tx, id, frozen).await?;
            tx.commit().await?;
        }
        None => system.commit().await?,
    }
    Identity::of(core).remembered.forget();
    Ok(true)
}

/// Ends every session of an account; its owner may sign in again. `false` when nobody has the address.
pub async fn sign_out(core: &Core, email: &MailAddress) -> Result<bool, kernel::Failure> {
    let mut system = core.store.system("an operator signs somebody out").await?;
    let Some(account) = store::by_email(&mut system, email).await? else { return Ok(false) };
    let id = account.account_id();
    sessions::end_all(&mut system, id, core.clock.now_secure()).await?;
    match account.default_org.map(OrgId::from) {
        Some(org) => {
            let mut tx = system.within(org, Actor::System("operator")).await?;
            tx.audit(AuditLine::new("account.signed_out", "account", id.uuid())).await?;
            tx.commit().await?;
        }
        None => system.commit().await?,
    }
    Identity::of(core).remembered.forget();
    Ok(true)
}

async fn tell(tx: &mut Tx, account: AccountId, frozen: bool) -> Result<(), kernel::Failure> {
    let action = if frozen { "account.frozen" } else { "account.thawed" };
    tx.audit(AuditLine::new(action, "account", account.uuid())).await?;
    if frozen {
        tx.emit(&AccountFrozen { account }).await?;
    } else {
        tx.emit(&AccountThawed { account }).await?;
    }
    Ok(())
}
