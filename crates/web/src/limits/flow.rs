//! Counting flows of requests on the key-value side.

use std::net::IpAddr;

use ::store::Window;
use host::Core;
use kernel::{Actor, Failure, General};

use super::counter::Whose;
use super::standing::{Standing, wait_s};
use super::table::{Limits, Per, Rule};
use super::{Way, standing};
use crate::address;
use crate::caller::Caller;

/// Counts one for each of those named.
pub(super) async fn count(core: &Core, way: Way, whose: &[Whose<'_>]) -> Result<(), Failure> {
    let whose: Vec<_> = whose.iter().map(|whose| (whose.per(), whose.mark())).collect();
    admit(core, way, &whose).await
}

/// Counts one for whoever calls, as far as the table has a row for them.
pub(crate) async fn by_caller(core: &Core, way: Way, caller: Option<&Caller>, address: IpAddr) -> Result<(), Failure> {
    let Some(caller) = caller else {
        return admit(core, way, &[(Per::Network, address::network_bits(address))]).await;
    };
    let itself = match caller.actor {
        Actor::ApiKey(key) => (Per::Key, key.uuid().as_u128()),
        _ => (Per::Account, caller.account.map_or(0, |account| account.uuid().as_u128())),
    };
    match caller.org {
        Some(org) => admit(core, way, &[itself, (Per::Organization, org.uuid().as_u128())]).await,
        None => admit(core, way, &[itself]).await,
    }
}

async fn admit(core: &Core, way: Way, whose: &[(Per, u128)]) -> Result<(), Failure> {
    let limits = core.parts.get::<Limits>();
    let held = whose.iter().filter_map(|(per, mark)| Some(((*per, limits.find(way, *per)?), *mark)));
    let (rules, windows): (Vec<(Per, Rule)>, Vec<Window>) = held.map(|(row, mark)| (row, row.1.window_of(way, row.0, mark))).unzip();
    let (counted, now) = (core.store.key_value().count(&windows).await, core.clock.now_secure());
    let mut outcome = Ok(());
    for ((per, rule), counted) in rules.into_iter().zip(counted) {
        let (limit, reset_s) = (rule.limit.unsigned_abs(), wait_s(now, counted.ends_at));
        let left = u64::from(limit).checked_sub(counted.count);
        let remaining = left.and_then(|left| u32::try_from(left).ok()).unwrap_or(0);
        standing::show(Standing { of: (way, per), limit, remaining, reset_s });
        if left.is_none() {
            outcome = Err(Failure::new(General::RateLimited).retry_after(reset_s));
        }
    }
    outcome
}
