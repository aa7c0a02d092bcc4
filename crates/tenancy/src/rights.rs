//! What a person may do in an organization, remembered for a moment.
//!
//! A remembered answer is never believed by itself: every tenant transaction compares the version
//! in it with the membership's row and refuses when it moved on. The short lifetime bounds the few
//! requests that read no row at all.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::Duration;
use host::{Core, Registry, Role};
use kernel::{AccountId, At, Failure, MemberId, OrgId};
use moka::sync::Cache;
use sea_orm::FromQueryResult;
use store::{StoreError, SystemSql, Tx};
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

type Whose = (AccountId, OrgId);

/// The answers that are remembered, shared as a part.
#[derive(Clone)]
struct RightsCache {
    seen: Cache<Whose, Seen>,
    /// Goes up whenever anybody's rights change. Coarse, and therefore never wrong: what was being
    /// read while they changed is of the generation before, whenever it is written down.
    generation: Arc<AtomicU64>,
}

#[derive(Clone)]
struct Seen {
    rights: Rights,
    read_at: At,
    generation: u64,
}

/// Where the reading of a row began: what it finds counts only if nothing was forgotten since.
#[derive(Clone, Copy)]
struct Reading {
    at: At,
    generation: u64,
}

impl RightsCache {
    fn new() -> Self {
        Self { seen: Cache::new(REMEMBERED_MAX), generation: Arc::default() }
    }

    fn get(&self, whose: Whose, now: At) -> Option<Rights> {
        let seen = self.seen.get(&whose)?;
        // The clock may have been moved either way since.
        let fresh = (now - seen.read_at).abs() < LIFETIME;
        (fresh && seen.generation == self.generation.load(Ordering::SeqCst)).then_some(seen.rights)
    }

    /// To be asked before the row is read.
    fn reading(&self, now: At) -> Reading {
        Reading { at: now, generation: self.generation.load(Ordering::SeqCst) }
    }

    fn keep(&self, whose: Whose, reading: Reading, found: Option<&Rights>) {
        match found {
            Some(rights) => {
                self.seen.insert(whose, Seen { rights: rights.clone(), read_at: reading.at, generation: reading.generation });
            }
            None => self.seen.invalidate(&whose),
        }
    }

    /// Believes nothing any more. To be called after the commit that changed something.
    fn forget(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }
}

/// What the other replicas are told when somebody's rights changed.
const CHANGED: &str = "tenancy.rights_changed";

pub(crate) fn register(app: &mut Registry) {
    let cache = RightsCache::new();
    app.provide(cache.clone());
    let changed = cache.clone();
    app.on_tx::<MemberChanged>("tenancy.forget_changed_rights", move |tx, _| {
        forget(tx, changed.clone());
        Box::pin(async { Ok(()) })
    });
    app.on_tx::<MemberRemoved>("tenancy.forget_removed_rights", move |tx, _| {
        forget(tx, cache.clone());
        Box::pin(async { Ok(()) })
    });
    app.service("tenancy.changed_rights", Role::Always, hear);
}

/// Forgets here and elsewhere. After the commit: before it, somebody could remember the old rights
/// anew.
fn forget(tx: &mut Tx, cache: RightsCache) {
    let store = tx.store().clone();
    tx.after_commit(move || {
        cache.forget();
        store.key_value().tell(CHANGED, "");
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
            // Something changed there, or may have.
            _ = elsewhere.next() => cache.forget(),
        }
    }
}

/// What the account may do in the organization; `None` when it is no active member there. At most
/// as old as an answer is remembered.
pub async fn rights(core: &Core, account: AccountId, org: OrgId) -> Result<Option<Rights>, StoreError> {
    let cache = core.parts.get::<RightsCache>();
    let now = core.clock.now();
    match cache.get((account, org), now) {
        Some(known) => Ok(Some(known)),
        None => rights_anew(core, account, org).await,
    }
}

/// The same, read now: for a caller whose transaction was refused because a version moved on.
pub async fn rights_anew(core: &Core, account: AccountId, org: OrgId) -> Result<Option<Rights>, StoreError> {
    let cache = core.parts.get::<RightsCache>();
    let reading = cache.reading(core.clock.now());
    let found = read(core, account, org).await?;
    cache.keep((account, org), reading, found.as_ref());
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

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> At {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    fn admin() -> Rights {
        let (role, org_name) = ("admin".to_owned(), "Acme".to_owned());
        Rights { member: MemberId::new(noon()), version: 1, role, org_name, permissions: Arc::default() }
    }

    #[test]
    fn an_answer_is_believed_for_four_seconds_by_our_clock() {
        let (cache, whose) = (RightsCache::new(), (AccountId::new(noon()), OrgId::new(noon())));
        cache.keep(whose, cache.reading(noon()), Some(&admin()));
        assert!(cache.get(whose, noon() + Duration::milliseconds(3999)).is_some());
        assert!(cache.get(whose, noon() + LIFETIME).is_none() && cache.get(whose, noon() - LIFETIME).is_none());
    }

    #[test]
    fn a_change_holds_at_once_even_for_a_reading_under_way() {
        let (cache, whose) = (RightsCache::new(), (AccountId::new(noon()), OrgId::new(noon())));
        let reading = cache.reading(noon());
        cache.forget();
        cache.keep(whose, reading, Some(&admin()));
        assert!(cache.get(whose, noon()).is_none(), "it was read before the change was committed");
        cache.keep(whose, cache.reading(noon()), Some(&admin()));
        assert!(cache.get(whose, noon()).is_some());
    }
}
