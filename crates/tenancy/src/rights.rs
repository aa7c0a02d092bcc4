//! What a person may do in an organization, remembered for a moment.
//!
//! A remembered answer is never believed by itself: every tenant transaction compares the version
//! in it with the membership's row and refuses when it moved on. The short lifetime bounds the few
//! requests that read no row at all.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::Duration;
use host::{Core, Registry};
use kernel::{AccountId, At, MemberId, OrgId};
use moka::sync::Cache;
use sea_orm::FromQueryResult;
use store::{StoreError, SystemSql};
use uuid::Uuid;

use crate::members::event::{MemberChanged, MemberRemoved};
use crate::roles::rights_of;

/// How long an answer is remembered: what another replica changed holds here after this long.
const LIFETIME: Duration = Duration::seconds(5);
/// People who act at the same moment; beyond it the least used are asked for again.
const REMEMBERED_MAX: u64 = 20_000;

/// An active membership in an active organization, and what it allows.
#[derive(Debug, Clone)]
pub struct Rights {
    pub member: MemberId,
    /// The membership's version at which the rest was read.
    pub version: i32,
    pub role: String,
    pub org_name: String,
    /// Permission codes.
    pub permissions: Arc<BTreeSet<String>>,
}

type Remembered = Cache<(AccountId, OrgId), (At, Rights)>;

/// The answers that are remembered, shared as a part.
struct RightsCache(Remembered);

pub(crate) fn register(app: &mut Registry) {
    let cache = Cache::new(REMEMBERED_MAX);
    app.provide(RightsCache(cache.clone()));
    let changed: Remembered = cache.clone();
    app.on_tx::<MemberChanged>("tenancy.forget_changed_rights", move |tx, event| {
        changed.invalidate(&(event.account, tx.org()));
        Box::pin(async { Ok(()) })
    });
    app.on_tx::<MemberRemoved>("tenancy.forget_removed_rights", move |tx, event| {
        cache.invalidate(&(event.account, tx.org()));
        Box::pin(async { Ok(()) })
    });
}

/// What the account may do in the organization; `None` when it is no active member there. At most
/// five seconds old.
pub async fn rights(core: &Core, account: AccountId, org: OrgId) -> Result<Option<Rights>, StoreError> {
    let cache = core.parts.get::<RightsCache>();
    let now = core.clock.now();
    match cache.0.get(&(account, org)) {
        // The clock may have been moved either way since.
        Some((read_at, known)) if (now - read_at).abs() < LIFETIME => Ok(Some(known)),
        _ => rights_anew(core, account, org).await,
    }
}

/// The same, read now: for a caller whose transaction was refused because a version moved on.
pub async fn rights_anew(core: &Core, account: AccountId, org: OrgId) -> Result<Option<Rights>, StoreError> {
    let cache = core.parts.get::<RightsCache>();
    let now = core.clock.now();
    let found = read(core, account, org).await?;
    match &found {
        Some(rights) => cache.0.insert((account, org), (now, rights.clone())),
        None => cache.0.invalidate(&(account, org)),
    }
    Ok(found)
}

#[derive(FromQueryResult)]
struct Row {
    member: Uuid,
    version: i32,
    role: String,
    org_name: String,
}

const RIGHTS: SystemSql = SystemSql::both(
    "select m.id as member, m.version as version, m.role as role, o.name as org_name \
     from memberships m join organizations o on o.id = m.org_id \
     where m.org_id = $1 and m.account_id = $2 and m.is_active and o.is_active",
);

async fn read(core: &Core, account: AccountId, org: OrgId) -> Result<Option<Rights>, StoreError> {
    let mut system = core.store.system_read("what a person who signed in may do").await?;
    let row: Option<Row> = system.sql_one(RIGHTS.bind(org.uuid()).bind(account.uuid())).await?;
    Ok(row.map(|row| Rights {
        member: row.member.into(),
        version: row.version,
        permissions: Arc::new(rights_of(&row.role, &core.registry)),
        role: row.role,
        org_name: row.org_name,
    }))
}
