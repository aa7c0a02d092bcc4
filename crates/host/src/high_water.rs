//! The mark of the security clock, kept over restarts: a session that has ended stays ended when the
//! machine comes up again with its clock set back.
//!
//! Only outside development, demo and test: there people move the clock back on purpose, and a mark
//! that survives would leave them with a program in which every new session has already ended.

use std::time::Duration;

use kernel::At;
use store::StoreError;

use crate::{Core, Registry, Role};

/// The key under which the mark is kept, as an instant.
const KEY: &str = "host.clock_high_water";
/// The step that makes the table it is kept in; before it there is nothing to read.
const TABLE_STEP: &str = "20261120_02_store_platform_state";
/// What a crash may cost: expiries may be judged by a clock that is this much too early.
const EVERY: Duration = Duration::from_mins(1);

pub(crate) fn register(app: &mut Registry) {
    if !app.environment().is_dev() {
        app.service("host.clock_high_water", Role::Always, |core| async move {
            keep(&core).await;
            Ok(())
        });
    }
}

/// Raises the clock's mark to the one that was kept. To be called before anybody asks what has
/// expired.
pub(crate) async fn restore(core: &Core) -> Result<(), StoreError> {
    if core.environment.is_dev() || core.registry.plan().pending(&core.store).await?.contains(&TABLE_STEP) {
        return Ok(());
    }
    let kept = core.store.system_read("the mark of the security clock").await?.state(KEY).await?;
    if let Some(mark) = kept.and_then(|text| text.parse::<At>().ok()) {
        if mark > core.clock.now() + chrono::Duration::minutes(1) {
            tracing::warn!(event = "host.clock_went_back", %mark, "the machine's clock is behind an instant that was seen before; expiries are judged by the later one");
        }
        core.clock.raise_high_water(mark);
    }
    Ok(())
}

/// Writes the mark once a minute, and once more at the end.
async fn keep(core: &Core) {
    let stopping = core.tasks.stopping();
    tokio::pin!(stopping);
    loop {
        let is_last = tokio::time::timeout(EVERY, &mut stopping).await.is_ok();
        // A database that is away for a while costs precision, not the service.
        if let Err(error) = write(core).await {
            tracing::warn!(event = "host.clock_mark_not_kept", %error, "the mark of the security clock was not written");
        }
        if is_last {
            return;
        }
    }
}

/// Raises what is kept: another process may have seen a later instant than we have.
async fn write(core: &Core) -> Result<(), StoreError> {
    core.clock.now();
    let mark = core.clock.high_water();
    let mut system = core.store.system("the mark of the security clock").await?;
    let kept = system.state(KEY).await?.and_then(|text| text.parse::<At>().ok());
    if kept.is_none_or(|kept| kept < mark) {
        system.set_state(KEY, &mark.to_rfc3339()).await?;
        system.commit().await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use kernel::Clock;

    use crate::{Boot, Prepared, Roles, Sources};

    const NOON: &str = "2026-03-01T12:00:00Z";

    fn prepared(folder: &std::path::Path, environment: &str, clock: &Clock) -> Prepared {
        let sources = Sources { dir: folder.to_owned(), ..Sources::empty() }
            .var("AUTORISEN_ENV", environment)
            .var("AUTORISEN_MASTER_KEY", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
        Boot::new("bookshop", vec![]).sources(sources).clock(clock.clone()).prepare().expect("ready")
    }

    /// Runs a program until noon and a second one that comes up an hour earlier, and says what time
    /// security has in it.
    async fn restarted_an_hour_back(environment: &str) -> kernel::At {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Clock::standing(NOON.parse().expect("an instant"));
        let first = prepared(folder.path(), environment, &clock);
        let core = first.open().await.expect("the store opens, though it has no tables yet");
        first.plan().up(&core.store).await.expect("the schema is made");
        assert!(first.start(core, Roles::ALL).stop().await);

        let clock = Clock::standing(clock.now() - chrono::Duration::hours(1));
        let core = prepared(folder.path(), environment, &clock).open().await.expect("the store opens");
        core.store.close().await;
        clock.now_secure()
    }

    #[tokio::test]
    async fn what_has_expired_stays_expired_over_a_restart_with_the_clock_set_back() {
        assert_eq!(restarted_an_hour_back("staging").await.to_rfc3339(), "2026-03-01T12:00:00+00:00");
    }

    #[tokio::test]
    async fn a_clock_that_is_moved_on_purpose_is_not_held_to_it() {
        assert_eq!(restarted_an_hour_back("development").await.to_rfc3339(), "2026-03-01T11:00:00+00:00");
    }
}
