//! Health: whether this process can do its work, asked of the parts that know.

use std::time::{Duration, Instant};

use futures::future::{BoxFuture, join_all};
use serde::Serialize;
use store::StoreError;

use crate::Core;

/// A check that has no answer by then counts as failed: whoever asks waits no longer than that.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// The checks that the host makes itself.
const OWN: [&str; 2] = ["database", "schema"];

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckResult {
    pub name: &'static str,
    pub ok: bool,
    /// Whether no request may come while it fails.
    pub gates: bool,
    /// One sentence for the operator when it is not.
    pub reason: Option<String>,
    pub duration_ms: u64,
}

/// What all checks found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Requests may be sent here: every check that gates them is fine and nobody is stopping the
    /// process.
    pub ready: bool,
    pub draining: bool,
    pub checks: Vec<CheckResult>,
}

/// Runs every check at once, each with a time limit.
pub async fn report(core: &Core) -> Report {
    let checks = join_all(names(core).map(|name| checked(core, name))).await;
    let draining = core.tasks.is_draining();
    Report { ready: !draining && checks.iter().all(|check| check.ok || !check.gates), draining, checks }
}

/// Runs one check; `None` when there is none of that name.
pub async fn one(core: &Core, name: &str) -> Option<CheckResult> {
    let name = names(core).find(|known| *known == name)?;
    Some(checked(core, name).await)
}

async fn checked(core: &Core, name: &'static str) -> CheckResult {
    let gates = core.registry.all_checks().iter().find(|known| known.name == name).is_none_or(|known| known.gates);
    CheckResult { gates, ..timed(name, CHECK_TIMEOUT, run(core, name)).await }
}

/// Every check's name, the host's own first.
pub fn names(core: &Core) -> impl Iterator<Item = &'static str> {
    OWN.into_iter().chain(core.registry.all_checks().iter().map(|check| check.name))
}

fn run(core: &Core, name: &'static str) -> BoxFuture<'static, Result<(), String>> {
    let core = core.clone();
    match name {
        "database" => Box::pin(async move { core.store.ping().await.map_err(|error| away(&error)) }),
        "schema" => Box::pin(schema(core)),
        _ => match core.registry.all_checks().iter().find(|known| known.name == name) {
            Some(check) => (check.run)(core.clone()),
            None => Box::pin(std::future::ready(Err("there is no such check".to_owned()))),
        },
    }
}

/// The database's own words may name users and hosts: they are for the log, and strangers who ask
/// for our health get a sentence of ours.
fn away(error: &StoreError) -> String {
    tracing::warn!(event = "host.database_away", cause = %error, "the database did not answer a health check");
    "the database is not available".to_owned()
}

/// An outdated schema would answer with errors: no request may come before the migration.
async fn schema(core: Core) -> Result<(), String> {
    let pending = core.registry.plan().pending(&core.store).await.map_err(|error| away(&error))?;
    if pending.is_empty() { Ok(()) } else { Err(format!("{} migrations are pending; run `autorisen migrate up`", pending.len())) }
}

async fn timed(name: &'static str, limit: Duration, check: BoxFuture<'static, Result<(), String>>) -> CheckResult {
    let start = Instant::now();
    let answer = tokio::time::timeout(limit, check).await;
    let reason = match answer {
        Ok(found) => found.err(),
        Err(_) => Some(format!("no answer within {} ms", limit.as_millis())),
    };
    let duration_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    CheckResult { name, ok: reason.is_none(), gates: true, reason, duration_ms }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_check_without_an_answer_fails_in_time() {
        let found = timed("slow", Duration::from_millis(1), Box::pin(std::future::pending())).await;
        assert_eq!((found.ok, found.reason.as_deref()), (false, Some("no answer within 1 ms")));
    }

    #[tokio::test]
    async fn a_check_says_what_is_wrong() {
        let found = timed("disk", CHECK_TIMEOUT, Box::pin(async { Err("the disk is full".to_owned()) })).await;
        assert_eq!((found.ok, found.reason.as_deref()), (false, Some("the disk is full")));
        assert!(timed("fine", CHECK_TIMEOUT, Box::pin(async { Ok(()) })).await.ok);
    }
}
