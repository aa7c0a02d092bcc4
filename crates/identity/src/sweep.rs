//! Putting away what is over: rows that no longer open or prove anything.

use chrono::Duration;
use flows::{Activity, Flows as _};
use host::{Registry, Work};
use kernel::Failure;
use store::SystemSql;

const SWEEP: Activity<(), ()> = Activity::new("identity.sweep");
/// Once an hour, at a minute of its own.
const HOURLY: &str = "23 * * * *";
/// Sessions stay a while after their end: a refresh token that is shown again later is still
/// recognized, and support can see when somebody was signed out.
const SESSIONS_KEPT: Duration = Duration::days(30);
/// A browser that was away for a year is a new one.
const DEVICES_KEPT: Duration = Duration::days(365);

pub(crate) fn register(app: &mut Registry) {
    app.activity(SWEEP, sweep);
    app.schedule("identity.sweep", HOURLY, SWEEP);
}

const SESSIONS: SystemSql = SystemSql::both("delete from sessions where expires_at < $1");
const TOKENS: SystemSql = SystemSql::both("delete from one_time_tokens where expires_at < $1");
const REGISTRATIONS: SystemSql = SystemSql::both("delete from pending_registrations where expires_at < $1");
const DEVICES: SystemSql = SystemSql::both("delete from devices where last_seen_at < $1");

async fn sweep(work: Work, (): ()) -> Result<(), Failure> {
    let now = work.core.clock.now();
    let mut system = work.core.store.system("what is over is put away").await?;
    for (statement, before) in [(SESSIONS, now - SESSIONS_KEPT), (TOKENS, now), (REGISTRATIONS, now), (DEVICES, now - DEVICES_KEPT)] {
        system.sql(statement.bind(before)).await?;
    }
    web::limits::forget_ended(&mut system, now).await?;
    Ok(system.commit().await?)
}
