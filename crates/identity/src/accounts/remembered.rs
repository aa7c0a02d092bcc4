//! What `GET /auth/me` answered a moment ago: clients ask it with every page they show, and it seldom
//! changes.

use std::sync::Arc;
use std::time::Duration as RealDuration;

use chrono::Duration;
use host::{Core, Registry};
use kernel::{AccountId, At, MemberId};
use moka::sync::Cache;
use tenancy::organizations::event::OrganizationChanged;
use web::Caller;

use super::account::MeView;
use crate::Identity;
use crate::authentication::Reading;

/// As long as rights and sessions are believed: what another replica changed is seen here by then.
const LIFETIME: Duration = Duration::seconds(5);
/// People who are at work at the same moment; beyond it the least used are read anew.
const PEOPLE_MAX: u64 = 10_000;

/// The person, and the membership at the version whose rights the answer names.
type Whose = (AccountId, Option<(MemberId, i32)>);

#[derive(Clone)]
struct Shown {
    read_at: At,
    /// Whatever ends a session or changes an account makes every earlier reading void.
    reading: Reading,
    view: Arc<MeView>,
}

#[derive(Clone)]
struct Memory(Cache<Whose, Shown>);

pub(super) fn register(app: &mut Registry) {
    let real = RealDuration::from_secs(LIFETIME.num_seconds().unsigned_abs());
    let memory = Memory(Cache::builder().max_capacity(PEOPLE_MAX).time_to_live(real).build());
    app.provide(memory.clone());
    app.on_tx::<OrganizationChanged>("identity.forget_organization_names", move |tx, _| {
        // After the commit: before it, somebody could remember the old name anew.
        let names = memory.0.clone();
        tx.after_commit(move || names.invalidate_all());
        Box::pin(async { Ok(()) })
    });
}

/// The answer, read anew by `read` unless it is remembered.
pub(super) async fn view<E>(
    core: &Core,
    caller: &Caller,
    account: AccountId,
    read: impl Future<Output = Result<MeView, E>>,
) -> Result<Arc<MeView>, E> {
    let (memory, identity, now) = (core.parts.get::<Memory>(), Identity::of(core), core.clock.now());
    let whose = (account, caller.member);
    if let Some(shown) = memory.0.get(&whose) {
        // Our clock may have been moved, either way.
        let is_fresh = (now - shown.read_at).abs() < LIFETIME && identity.remembered.is_current(shown.reading);
        if is_fresh {
            return Ok(shown.view);
        }
    }
    let reading = identity.remembered.reading();
    let view = Arc::new(read.await?);
    memory.0.insert(whose, Shown { read_at: now, reading, view: view.clone() });
    Ok(view)
}
