//! The recount by night. While two releases serve side by side, the older one writes attempts, messages
//! and outcomes without what this one counts cohorts by. A case that goes on is set right by its next
//! step; this finds the others.

use ::store::{System, SystemSql};
use chrono::TimeDelta;
use flows::{Activity, Flows as _};
use host::{Registry, Work};
use kernel::{At, Failure};
use uuid::Uuid;

const RECOUNT: Activity<(), ()> = Activity::new("recovery.recount");

/// How old a case may be that is looked at: it runs for four weeks, its last attempt is asked for a month
/// longer, and then there is a month for the night in which nobody was there.
const LOOKED_BACK: TimeDelta = TimeDelta::days(90);

/// Cases that are looked at in one transaction: over before anybody waits long for SQLite's one writer.
const BATCH: i64 = 500;

/// Ids sort by the time at which they were made, so the primary key leads to the younger cases.
const NEXT: SystemSql = SystemSql::both("select id from cases where id > $1 order by id limit $2");

macro_rules! wrong {
    ($held:literal) => {
        concat!(
            "select c.id as id from cases c where c.id > $1 and c.id <= $2 and ( \
               c.attempts_sent <> (select count(*) from attempts a where a.org_id = c.org_id and a.case_id = c.id \
                 and a.submitted_at is not null and a.state <> 'cancelled') \
               or c.attempts_succeeded <> (select count(*) from attempts a where a.org_id = c.org_id and a.case_id = c.id \
                 and a.submitted_at is not null and a.state = 'succeeded') \
               or c.messages_sent <> (select count(*) from messages m where m.org_id = c.org_id and m.case_id = c.id \
                 and m.queued_at is not null and m.state <> 'skipped') \
               or c.reversed_minor <> coalesce((select o.reversed_minor from outcomes o where o.org_id = c.org_id \
                 and o.case_id = c.id), 0)) \
             order by c.id",
            $held
        )
    };
}

/// Cases whose row says another number than their attempts, messages and outcome do. They are held first and counted
/// after: a count that is older than the lock may lack what the holder before has written.
const WRONG: SystemSql = SystemSql::per_engine(wrong!(""), wrong!(" for update of c"));

const COUNT: SystemSql = SystemSql::both(
    "update cases set \
     attempts_sent = (select count(*) from attempts a where a.org_id = cases.org_id and a.case_id = cases.id \
       and a.submitted_at is not null and a.state <> 'cancelled'), \
     attempts_succeeded = (select count(*) from attempts a where a.org_id = cases.org_id and a.case_id = cases.id \
       and a.submitted_at is not null and a.state = 'succeeded'), \
     messages_sent = (select count(*) from messages m where m.org_id = cases.org_id and m.case_id = cases.id \
       and m.queued_at is not null and m.state <> 'skipped'), \
     reversed_minor = coalesce((select o.reversed_minor from outcomes o where o.org_id = cases.org_id and o.case_id = cases.id), 0) \
     where id = $1",
);

/// An outcome without the day of its cohort gets that of its case.
const DATE: SystemSql = SystemSql::both(
    "update outcomes set failed_at = (select c.failed_at from cases c where c.org_id = outcomes.org_id and c.id = outcomes.case_id) \
     where id in (select o.id from cases c join outcomes o on o.org_id = c.org_id and o.case_id = c.id \
       where c.id > $1 and c.id <= $2 and o.failed_at is null)",
);

#[derive(sea_orm::FromQueryResult)]
struct Found {
    id: Uuid,
}

pub(super) fn register(app: &mut Registry) {
    app.activity(RECOUNT, recount);
    app.schedule("recovery.recount", "7 5 * * *", RECOUNT);
}

/// Runs for all organizations at once: it changes nothing but what is counted from the rows themselves.
async fn recount(work: Work, (): ()) -> Result<(), Failure> {
    let mut last = first_id_of(work.core.clock.now() - LOOKED_BACK);
    let mut count = 0;
    loop {
        let mut system = work.core.store.system("what was done for cases is counted again").await?;
        let batch: Vec<Found> = system.sql_all(NEXT.bind(last).bind(BATCH)).await?;
        let Some(to) = batch.last().map(|case| case.id) else { break };
        count += mend(&mut system, last, to).await?;
        system.commit().await?;
        last = to;
    }
    if count > 0 {
        tracing::info!(event = "recovery.recounted", count, "what was done for cases was counted anew");
    }
    Ok(())
}

/// Sets the cases right that were made after the one and not after the other; how many rows were wrong.
async fn mend(system: &mut System, after: Uuid, to: Uuid) -> Result<u64, Failure> {
    let wrong: Vec<Found> = system.sql_all(WRONG.bind(after).bind(to)).await?;
    for case in &wrong {
        system.sql(COUNT.bind(case.id)).await?;
    }
    Ok(wrong.len() as u64 + system.sql(DATE.bind(after).bind(to)).await?)
}

/// No id that was made at this instant or later sorts before it: a UUIDv7 begins with its milliseconds.
fn first_id_of(at: At) -> Uuid {
    Uuid::from_u128(u128::from(u64::try_from(at.timestamp_millis()).unwrap_or(0)) << 80)
}
