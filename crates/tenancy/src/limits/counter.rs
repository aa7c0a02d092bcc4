//! Counting: a counter is checked before the thing is tried, and raised by what is tried or by what
//! failed.
//!
//! Where failures are counted, the outcome is checked against the counter once more, so that guesses
//! sent at the same moment gain nothing. A browser that signed in before has a counter of its own
//! instead of the account's and the network's: a stranger who fails on purpose locks out strangers,
//! not the owner.

use ::store::{StoreError, System, SystemSql};
use host::Core;
use kernel::{At, Failure, General, OrgId, chance};
use sea_orm::FromQueryResult;

use super::Way;
use super::table::{Limits, Per, Rule};

/// Whose tries are counted.
#[derive(Debug, Clone, Copy)]
pub enum Whose<'a> {
    /// A normalized address (known or not) or an account's id.
    Account(&'a str),
    /// A browser from which the account signed in before, by its mark.
    Device(&'a str),
    Network(&'a str),
    Organization(OrgId),
}

impl Whose<'_> {
    const fn per(self) -> Per {
        match self {
            Self::Account(_) | Self::Device(_) => Per::Account,
            Self::Network(_) => Per::Network,
            Self::Organization(_) => Per::Organization,
        }
    }

    fn scope(self, way: Way) -> String {
        let way = way.name();
        match self {
            // A digest, so that the table holds no addresses of people who never had an account.
            Self::Account(subject) => format!("{way}:account:{}", chance::digest(subject)),
            Self::Device(mark) => format!("{way}:device:{mark}"),
            Self::Network(network) => format!("{way}:network:{network}"),
            Self::Organization(org) => format!("{way}:organization:{org}"),
        }
    }
}

/// The counters that one try is held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counters(Vec<Counter>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Counter {
    scope: String,
    rule: Rule,
    /// Whether a success starts it anew: the account's own, never the network's.
    is_own: bool,
}

impl Counters {
    pub fn of(core: &Core, way: Way, whose: &[Whose<'_>]) -> Self {
        let limits = core.parts.get::<Limits>();
        let counter = |whose: &Whose<'_>| Counter {
            scope: whose.scope(way),
            rule: limits.rule(way, whose.per()),
            is_own: whose.per() == Per::Account,
        };
        Self(whose.iter().map(counter).collect())
    }

    /// `Err` with 429 when a limit is reached.
    pub async fn check(&self, system: &mut System, now: At) -> Result<(), Failure> {
        for counter in &self.0 {
            let standing: Option<Standing> = system.sql_one(READ.bind(counter.scope.as_str())).await?;
            if let Some(standing) = standing.filter(|standing| standing.is_open(now) && standing.attempts >= counter.rule.limit) {
                return Err(standing.refusal(now));
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
            let standing: Option<Standing> = system.sql_one(bound).await?;
            if let Some(standing) = standing.filter(|standing| standing.attempts > counter.rule.limit) {
                outcome = Err(standing.refusal(now));
            }
        }
        Ok(outcome)
    }

    /// Forgets the failures of somebody who got in.
    pub async fn clear(&self, system: &mut System) -> Result<(), StoreError> {
        for counter in self.0.iter().filter(|counter| counter.is_own) {
            system.sql(CLEAR.bind(counter.scope.as_str())).await?;
        }
        Ok(())
    }
}

/// Puts away counters whose window has ended.
pub async fn forget_ended(system: &mut System, now: At) -> Result<(), StoreError> {
    system.sql(FORGET.bind(now)).await.map(drop)
}

#[derive(Debug, FromQueryResult)]
struct Standing {
    attempts: i32,
    window_ends_at: At,
}

impl Standing {
    fn is_open(&self, now: At) -> bool {
        now < self.window_ends_at
    }

    fn refusal(&self, now: At) -> Failure {
        Failure::new(General::RateLimited).retry_after(wait_s(now, self.window_ends_at))
    }
}

/// Whole seconds until the window ends, rounded up, at least one.
fn wait_s(now: At, ends_at: At) -> u64 {
    let micros = (ends_at - now).num_microseconds().unwrap_or(i64::MAX).max(1);
    u64::try_from(micros).unwrap_or(1).div_ceil(1_000_000)
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
    fn the_wait_is_whole_seconds_rounded_up() {
        assert_eq!(wait_s(noon(), noon() + Duration::minutes(15)), 900);
        assert_eq!(wait_s(noon(), noon() + Duration::milliseconds(1)), 1);
        assert_eq!(wait_s(noon(), noon() - Duration::minutes(1)), 1);
    }

    #[test]
    fn a_window_that_ended_counts_no_more() {
        let standing = Standing { attempts: 99, window_ends_at: noon() };
        assert!(!standing.is_open(noon()));
        assert!(standing.is_open(noon() - Duration::seconds(1)));
    }
}
