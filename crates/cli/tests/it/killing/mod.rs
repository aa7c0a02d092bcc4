//! `kill -9` during the main job, again and again: it finishes, and nothing happened twice.
//!
//! A company, its billing system and its payers play the main job against a process that is killed at
//! moments drawn from a seed: between two requests, in the middle of one, while it works something off,
//! and while it starts. What was not acknowledged is asked again, as any client would. In the end,
//! after the clock has passed every schedule, the books are compared with what the bank saw.

mod cast;
mod job;
mod killer;
mod ledger;

use crate::place::on_both;
use job::Job;
use killer::Killer;

/// Another seed is another story; this one is told each time.
const SEED: u64 = 20_261_120;
/// Fewer kills would prove little.
const KILLS_MIN: u32 = 20;

on_both! {
    async fn the_main_job_survives_every_kill(place: Place) {
        let killer = Killer::begin(place, SEED).await;
        let mut job = Job::begin(killer).await;
        job.payments_fail().await;
        job.time_passes().await;
        assert!(job.killer.kills >= KILLS_MIN, "only {} kills", job.killer.kills);
        let books = job.books().await;
        books.nothing_was_lost(&job.payments);
        books.nothing_happened_twice();
        books.the_money_adds_up();
        books.each_letter_went_once(&job.payments);
        books.everybody_got_what_was_due(&job.payments);
        job.killer.ended_well().await;
    }
}
