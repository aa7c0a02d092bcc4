//! When the payer is written to, if at all.

use chrono::Duration;

use super::local;
use super::planner::{Candidate, Desk, Proposal};
use crate::classify::Hardness;

/// Letters of one organization to one address within a day, about whichever payments: several
/// subscriptions of one payer fail on one morning, hardly more than this.
pub(crate) const LETTERS_DAY_MAX: usize = 4;
/// The same within a week: enough for the reminders of several payments, and less than one a morning
/// for each of them.
pub(crate) const LETTERS_WEEK_MAX: usize = 10;

/// The next message, or why there is none. While attempts are still planned, a rung waits for its
/// number of declines; when there are none, waiting would only lose time.
pub(super) fn propose(desk: &Desk<'_>, has_retry: bool) -> Candidate {
    let (facts, history) = (desk.facts, desk.history);
    if !facts.is_connected {
        return Err("no message: without a connection there is no link to pay".to_owned());
    }
    if !facts.has_contact {
        return Err("no message: there is no address to write to".to_owned());
    }
    if !facts.link_allowed {
        return Err("no message: a person has to look first".to_owned());
    }
    if facts.hardness == Hardness::Stop {
        return Err("no message before we know whether it was paid".to_owned());
    }
    let Some(rung) = desk.ladder.messages.get(history.messages.len()) else {
        return Err(format!("no message: all {} of this ladder are written", desk.ladder.messages.len()));
    };
    if has_retry && history.misses < rung.after_misses {
        return Err(format!("no message before {} declines", rung.after_misses));
    }
    let mut floor = desk.now.max(facts.opened_at + Duration::hours(i64::from(rung.after_h)));
    if let Some(last) = history.messages.iter().max() {
        floor = floor.max(*last + Duration::hours(i64::from(desk.policy.message_gap_h)));
    }
    let put_off = facts.letters_from.filter(|from| *from > floor);
    let floor = put_off.unwrap_or(floor);
    // A rung without a delay answers what the payer did a moment ago, and is written at once;
    // reminders, and what had to wait, keep to the daytime of the payer.
    let is_answer = rung.after_h == 0 && put_off.is_none();
    let at = if is_answer { floor } else { local::within(floor, desk.policy.message_hours, facts.zone) };
    let full = put_off.map(|_| format!("one address gets at most {LETTERS_DAY_MAX} mails a day and {LETTERS_WEEK_MAX} a week"));
    if at >= facts.deadline_at {
        let why = full.map_or_else(String::new, |full| format!(", because {full}"));
        return Err(format!("no message: the next one would be after the deadline{why}"));
    }
    let hours = desk.policy.message_hours;
    let night = (at > floor).then(|| format!("mails start from {} to {} o'clock of the payer", hours.from, hours.until));
    let clamped_by = full.into_iter().chain(night).collect();
    let factor = format!("message {} of {}: {} h after the failure", history.messages.len() + 1, desk.ladder.messages.len(), rung.after_h);
    Ok(Proposal { at, factor, clamped_by })
}
