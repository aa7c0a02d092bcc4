//! Forgetting whom we wrote to: an address is a personal detail and is kept no longer than needed.

use chrono::TimeDelta;
use flows::{Activity, Flows as _};
use host::{Registry, Work};
use kernel::Failure;
use store::SystemSql;

const SWEEP: Activity<(), ()> = Activity::new("mail.sweep");

/// How long the line of a letter is kept: a question about a missing mail comes within weeks, and
/// no dedupe key is used longer.
const KEPT: TimeDelta = TimeDelta::days(90);

/// Deleted in one transaction: small enough not to hold SQLite's one writer for long.
const BATCH: u64 = 500;

/// Batches of one night; what is more waits for the next.
const BATCHES_MAX: u32 = 200;

const DELETE: SystemSql =
    SystemSql::both("delete from mails where id in (select id from mails where created_at < $1 order by created_at limit $2)");

pub(crate) fn register(app: &mut Registry) {
    app.activity(SWEEP, sweep);
    app.schedule("mail.sweep", "27 3 * * *", SWEEP);
}

async fn sweep(work: Work, (): ()) -> Result<(), Failure> {
    let before = work.core.clock.now() - KEPT;
    for _ in 0..BATCHES_MAX {
        let mut door = work.core.store.system("mail: forget old letters").await?;
        let deleted = door.sql(DELETE.bind(before).bind(BATCH.cast_signed())).await?;
        door.commit().await?;
        if deleted < BATCH {
            break;
        }
    }
    Ok(())
}
