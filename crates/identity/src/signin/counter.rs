//! Limits on failures: five per account and thirty per network in fifteen minutes.
//!
//! A counter is checked before the password is, and raised only by a failure; the outcome is
//! checked against it once more, so that guesses sent at the same moment gain nothing. A browser
//! that signed in before has a counter of its own instead of the account's and the network's: a
//! stranger who fails on purpose locks out strangers, not the owner.

use chrono::Duration;
use kernel::{At, Failure, General, chance};
use sea_orm::FromQueryResult;
use store::{StoreError, System, SystemSql};

use crate::client::Client;

/// Failures per account and window: what a person needs who remembers nearly right.
const PER_ACCOUNT: i32 = 5;
/// Failures per network and window: an office behind one address.
const PER_NETWORK: i32 = 30;
/// The window, from the first failure on.
const WINDOW: Duration = Duration::minutes(15);

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// A password at sign-in.
    SignIn,
    /// The current password when changing it.
    Change,
    /// A mail that resets the password.
    Forgot,
    /// A mail that verifies the address.
    Resend,
}

impl Way {
    const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Change => "change",
            Self::Forgot => "forgot",
            Self::Resend => "resend",
        }
    }
}

/// The counters that one attempt is held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counters(Vec<Counter>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Counter {
    scope: String,
    limit: i32,
    /// Whether a success starts it anew: the account's own, never the network's.
    is_own: bool,
}

impl Counters {
    /// `subject` is the normalized address (known or not) or an account's id.
    pub fn of(way: Way, subject: &str, client: &Client) -> Self {
        let way = way.name();
        // A digest, so that the table holds no addresses of people who never had an account.
        let account = Counter { scope: format!("{way}:account:{}", chance::digest(subject)), limit: PER_ACCOUNT, is_own: true };
        let network = Counter { scope: format!("{way}:network:{}", client.network), limit: PER_NETWORK, is_own: false };
        Self(vec![account, network])
    }

    /// For a browser from which the account signed in before.
    pub fn of_device(way: Way, mark: &str) -> Self {
        Self(vec![Counter { scope: format!("{}:device:{mark}", way.name()), limit: PER_ACCOUNT, is_own: true }])
    }

    /// `Err` with 429 when a limit is reached.
    pub async fn check(&self, system: &mut System, now: At) -> Result<(), Failure> {
        for counter in &self.0 {
            let standing: Option<Standing> = system.sql_one(READ.bind(counter.scope.as_str())).await?;
            if let Some(standing) = standing.filter(|standing| standing.is_open(now) && standing.attempts >= counter.limit) {
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
            let bound = RAISE.bind(id).bind(now).bind(counter.scope.as_str()).bind(now + WINDOW);
            let standing: Option<Standing> = system.sql_one(bound).await?;
            if let Some(standing) = standing.filter(|standing| standing.attempts > counter.limit) {
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

#[cfg(test)]
mod tests {
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
