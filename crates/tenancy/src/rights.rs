//! What a person may do in an organization, remembered for a moment.
//!
//! A remembered answer is never believed by itself: every tenant transaction compares the version
//! in it with the membership's row and refuses when it moved on. The short lifetime bounds the few
//! requests that read no row at all.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::Duration;
use host::{Core, Registry, Role};
use kernel::{AccountId, At, Failure, MemberId, OrgId};
use moka::sync::Cache;
use sea_orm::FromQueryResult;
use store::{Heard, StoreError, SystemSql, Tx};
use uuid::Uuid;

use crate::members::event::{MemberChanged, MemberRemoved};
use crate::roles::rights_of;

/// How long an answer is remembered: what another replica changed holds here after this long, and a
/// moment more. Together that is less than the five seconds that are promised.
const LIFETIME: Duration = Duration::seconds(4);
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

/// What the other replicas are told when somebody's rights changed: `account organization`.
const CHANGED: &str = "tenancy.rights_changed";

pub(crate) fn register(app: &mut Registry) {
    let cache = Cache::new(REMEMBERED_MAX);
    app.provide(RightsCache(cache.clone()));
    let changed: Remembered = cache.clone();
    app.on_tx::<MemberChanged>("tenancy.forget_changed_rights", move |tx, event| {
        forget(tx, changed.clone(), event.account);
        Box::pin(async { Ok(()) })
    });
    app.on_tx::<MemberRemoved>("tenancy.forget_removed_rights", move |tx, event| {
        forget(tx, cache.clone(), event.account);
        Box::pin(async { Ok(()) })
    });
    app.service("tenancy.changed_rights", Role::Always, hear);
}

/// Forgets here and elsewhere. After the commit: before it, somebody could remember the old rights
/// anew.
fn forget(tx: &mut Tx, cache: Remembered, account: AccountId) {
    let (store, org) = (tx.store().clone(), tx.org());
    tx.after_commit(move || {
        cache.invalidate(&(account, org));
        store.key_value().tell(CHANGED, &format!("{account} {org}"));
    });
}

/// Forgets what changed on another replica.
async fn hear(core: Core) -> Result<(), Failure> {
    let cache = core.parts.get::<RightsCache>();
    let mut elsewhere = core.store.key_value().hear(CHANGED);
    let stopping = core.tasks.stopping();
    tokio::pin!(stopping);
    loop {
        tokio::select! {
            () = &mut stopping => return Ok(()),
            heard = elsewhere.next() => match heard {
                Heard::Told(whose) => told(&cache.0, &whose),
                Heard::Missed => cache.0.invalidate_all(),
            },
        }
    }
}

fn told(cache: &Remembered, whose: &str) {
    let pair = whose.split_once(' ').and_then(|(account, org)| Some((account.parse().ok()?, org.parse().ok()?)));
    match pair {
        Some(pair) => cache.invalidate(&pair),
        // Another build's words: better to read too much than to believe too much.
        None => cache.invalidate_all(),
    }
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
