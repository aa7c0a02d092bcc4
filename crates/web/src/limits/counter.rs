//! Counting: a counter is checked before the thing is tried, and raised by what is tried or by what
//! failed.
//!
//! Where failures are counted, the outcome is checked against the counter once more, so that guesses
//! sent at the same moment gain nothing. A browser that signed in before has a counter of its own
//! instead of the account's and the network's: a stranger who fails on purpose locks out strangers,
//! not the owner.

use ::store::{StoreError, System, SystemSql};
use host::Core;
use kernel::{ApiKeyId, At, Failure, General, OrgId, chance};
use sea_orm::FromQueryResult;

use super::Way;
use super::standing::{self, Standing, wait_s};
use super::table::{Limits, Per, Rule};

/// Whose tries are counted.
#[derive(Debug, Clone, Copy)]
pub enum Whose<'a> {
    /// A normalized address (known or not), an account's id, or the secret of a link to one.
    Account(&'a str),
    /// A browser from which the account signed in before, by its mark.
    Device(&'a str),
    Network(&'a str),
    /// A network in its dealings with one normalized address.
    From(&'a str, &'a str),
    Organization(OrgId),
    /// An organization in its dealings with one normalized address.
    Towards(OrgId, &'a str),
    /// An API key.
    Key(ApiKeyId),
}

impl Whose<'_> {
    pub(super) const fn per(self) -> Per {
        match self {
            Self::Account(_) | Self::Device(_) => Per::Account,
            Self::Network(_) | Self::From(..) => Per::Network,
            Self::Organization(_) | Self::Towards(..) => Per::Organization,
            Self::Key(_) => Per::Key,
        }
    }

    fn scope(self, way: Way) -> String {
        let way = way.name();
        match self {
            // A digest, so that the table holds no addresses of people who never had an account.
            Self::Account(subject) => format!("{way}:account:{}", chance::digest(subject)),
            Self::Device(mark) => format!("{way}:device:{mark}"),
            Self::Network(network) => format!("{way}:network:{network}"),
            Self::From(network, address) => format!("{way}:network:{network}:{}", chance::digest(address)),
            Self::Organization(org) => format!("{way}:organization:{org}"),
            Self::Towards(org, address) => format!("{way}:organization:{org}:{}", chance::digest(address)),
            Self::Key(key) => format!("{way}:key:{key}"),
        }
    }

    /// The same for the key-value side: an id as it is, of anything else the beginning of a digest.
    pub(super) fn mark(self) -> u128 {
        match self {
            Self::Organization(org) => org.uuid().as_u128(),
            Self::Key(key) => key.uuid().as_u128(),
            Self::Account(text) | Self::Device(text) | Self::Network(text) => marked(text),
            Self::From(network, address) => marked(&format!("{network}:{address}")),
            Self::Towards(org, address) => marked(&format!("{org}:{address}")),
        }
    }
}

/// 128 bits of the digest: enough that nobody finds two texts with the same.
fn marked(text: &str) -> u128 {
    let digest = chance::digest(text);
    digest.get(..32).and_then(|head| u128::from_str_radix(head, 16).ok()).unwrap_or_default()
}

/// The counters that one try is held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counters(Vec<Counter>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Counter {
    of: (Way, Per),
    scope: String,
    rule: Rule,
    /// Whether a success starts it anew: the account's own, never the network's.
    is_own: bool,
}

impl Counters {
    pub fn of(core: &Core, way: Way, whose: &[Whose<'_>]) -> Self {
        let limits = core.parts.get::<Limits>();
        let counter = |whose: &Whose<'_>| Counter {
            of: (way, whose.per()),
            scope: whose.scope(way),
            rule: limits.rule(way, whose.per()),
            is_own: whose.per() == Per::Account,
        };
        Self(whose.iter().map(counter).collect())
    }

    /// `Err` with 429 when a limit is reached.
    pub async fn check(&self, system: &mut System, now: At) -> Result<(), Failure> {
        for counter in &self.0 {
            let kept: Option<Kept> = system.sql_one(READ.bind(counter.scope.as_str())).await?;
            let kept = kept.filter(|kept| kept.is_open(now));
            counter.show(kept.as_ref(), now);
            if let Some(kept) = kept.filter(|kept| kept.attempts >= counter.rule.limit) {
                return Err(kept.refusal(now));
            }
        }
        Ok(())
    }

    /// Counts one more. `Err` with 429 when it was one too many.
    pub async fn raise(&self, system: &mut System, now: At) -> Result<Result<(), Failure>, StoreError> {
        let mut outcome = Ok(());
        for counter in &self.0 {
            let id = chance::uuid_v7(now);
            let bound = RAISE.bind(id).bind(now).bind(counter.scope.as_str()).bind(now + counter.rule.window);
            let kept: Option<Kept> = system.sql_one(bound).await?;
            counter.show(kept.as_ref(), now);
            if let Some(kept) = kept.filter(|kept| kept.attempts > counter.rule.limit) {
                outcome = Err(kept.refusal(now));
            }
        }
        Ok(outcome)
    }

    /// Forgets the failures of somebody who got in.
    pub async fn clear(&self, system: &mut System) -> Result<(), StoreError> {
        for counter in self.0.iter().filter(|counter| counter.is_own) {
            system.sql(CLEAR.bind(counter.scope.as_str())).await?;
            counter.show(None, system.now());
        }
        Ok(())
    }
}

impl Counter {
    /// Says how it stands; without an open window all is left.
    fn show(&self, kept: Option<&Kept>, now: At) {
        let attempts = kept.map_or(0, |kept| kept.attempts);
        let remaining = u32::try_from(self.rule.limit - attempts).unwrap_or(0);
        let reset_s = wait_s(now, kept.map_or(now + self.rule.window, |kept| kept.window_ends_at));
        standing::show(Standing { of: self.of, limit: self.rule.limit.unsigned_abs(), remaining, reset_s });
    }
}

/// Puts away counters whose window has ended.
pub async fn forget_ended(system: &mut System, now: At) -> Result<(), StoreError> {
    system.sql(FORGET.bind(now)).await.map(drop)
}

#[derive(Debug, FromQueryResult)]
struct Kept {
    attempts: i32,
    window_ends_at: At,
}

impl Kept {
    fn is_open(&self, now: At) -> bool {
        now < self.window_ends_at
    }

    fn refusal(&self, now: At) -> Failure {
        Failure::new(General::RateLimited).retry_after(wait_s(now, self.window_ends_at))
    }
}

const READ: SystemSql = SystemSql::both("select attempts, window_ends_at from attempt_counters where scope = $1");

/// One statement, so that parallel failures are each counted.
const RAISE: SystemSql = SystemSql::both(
    "insert into attempt_counters (id, created_at, updated_at, version, scope, attempts, window_ends_at) \
     values ($1, $2, $2, 1, $3, 1, $4) on conflict (scope) do update set updated_at = $2, version = attempt_counters.version + 1, \
     attempts = case when attempt_counters.window_ends_at <= $2 then 1 else attempt_counters.attempts + 1 end, \
     window_ends_at = case when attempt_counters.window_ends_at <= $2 then excluded.window_ends_at else attempt_counters.window_ends_at end \
     returning attempts, window_ends_at",
);

const CLEAR: SystemSql = SystemSql::both("delete from attempt_counters where scope = $1");
const FORGET: SystemSql = SystemSql::both("delete from attempt_counters where window_ends_at < $1");

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;

    fn noon() -> At {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_window_that_ended_counts_no_more() {
        let kept = Kept { attempts: 99, window_ends_at: noon() };
        assert!(!kept.is_open(noon()));
        assert!(kept.is_open(noon() - Duration::seconds(1)));
    }
}
