//! When the next attempt may be made, if any.

use chrono::{Datelike as _, Days, Duration};
use kernel::At;

use super::ladder::When;
use super::planner::{Candidate, Desk, Owner, Proposal};
use super::{Budget, local};

/// Moving an instant into a morning can move it into another window of the budget; each round
/// goes forward, and more rounds than this would be past any deadline.
const ROUNDS_MAX: usize = 64;

/// The next attempt, or why there is none.
pub(super) fn propose(desk: &Desk<'_>) -> Candidate {
    let (facts, ladder) = (desk.facts, desk.ladder);
    if !facts.hardness.allows_retry() {
        return Err(format!("no attempt without the payer: the decline is {}", facts.hardness));
    }
    if facts.owner != Owner::Us {
        return Err("no attempt of ours while the provider retries by itself".to_owned());
    }
    if !facts.can_charge {
        return Err("no attempt: the method cannot be charged without the payer".to_owned());
    }
    let done = done(desk);
    if done >= ladder.retries_max as usize {
        return Err(format!("no attempt: all {} of this ladder are used", ladder.retries_max));
    }
    let rung = ladder.retries[done.min(ladder.retries.len() - 1)];
    let mut clamped_by = Vec::new();
    let floor = floor(desk, &mut clamped_by);
    let at = within_budget(desk, rung, floor, &mut clamped_by)?;
    if at >= facts.deadline_at {
        return Err("no attempt: the next one would be after the deadline".to_owned());
    }
    let factor = format!("attempt {} of {} on this ladder: {}", done + 1, ladder.retries_max, describe(rung));
    Ok(Proposal { at, factor, clamped_by })
}

/// Attempts that count on this ladder.
fn done(desk: &Desk<'_>) -> usize {
    let since = desk.facts.renewed_at;
    desk.history.retries.iter().filter(|at| since.is_none_or(|since| **at >= since)).count()
}

/// When to ask the provider; only for a verdict of `stop`.
pub(super) fn read_back(desk: &Desk<'_>) -> Candidate {
    if !desk.facts.is_connected {
        return Err("the provider cannot be asked without a connection".to_owned());
    }
    let Some(rung) = desk.ladder.read_backs.get(desk.history.read_backs as usize) else {
        return Err("the provider was asked often enough".to_owned());
    };
    let at = due(desk, *rung, desk.now);
    if at >= desk.facts.deadline_at {
        return Err("the next question would be after the deadline".to_owned());
    }
    Ok(Proposal { at, factor: format!("question {} to the provider", desk.history.read_backs + 1), clamped_by: Vec::new() })
}

/// No attempt is before this: now, the gap after the last one, and the advice that was given.
fn floor(desk: &Desk<'_>, clamped_by: &mut Vec<String>) -> At {
    let mut floor = desk.now;
    if let Some(last) = desk.history.retries.iter().max() {
        floor = floor.max(*last + Duration::hours(i64::from(desk.ladder.gap_min_h)));
    }
    if let Some(advised) = desk.facts.floor_at.filter(|advised| *advised > floor) {
        clamped_by.push(format!("the network or the provider advises to wait until {}", shown(advised)));
        floor = advised;
    }
    floor
}

/// The rung's instant, moved until the card's budget allows it.
fn within_budget(desk: &Desk<'_>, rung: When, floor: At, clamped_by: &mut Vec<String>) -> Result<At, String> {
    let mut at = due(desk, rung, floor);
    for _ in 0..ROUNDS_MAX {
        let free = desk.facts.budget.first_free(at, &desk.history.card).ok_or("no attempt: the budget allows none")?;
        if free == at {
            return Ok(at);
        }
        if clamped_by.last().is_none_or(|last| !last.starts_with("the card's budget")) {
            let Budget { cap_30d, source, .. } = desk.facts.budget;
            clamped_by.push(format!("the card's budget ({cap_30d} in 30 days; {source}) is free again at {}", shown(free)));
        }
        at = due(desk, rung, free);
    }
    Err("no attempt: the card's budget is used up".to_owned())
}

/// When a rung is due, never before `floor`.
fn due(desk: &Desk<'_>, rung: When, floor: At) -> At {
    let (facts, policy) = (desk.facts, desk.policy);
    let share = desk.share(desk.history.retries.len() as u64);
    let opened_on = local::day(facts.opened_at, facts.zone);
    let mornings = |wanted: &dyn Fn(chrono::NaiveDate) -> bool| local::morning(floor, policy.retry_hours, facts.zone, share, wanted);
    match rung {
        When::AfterH(hours) => {
            let jitter = Duration::seconds((share * f64::from(policy.jitter_min) * 60.0) as i64);
            floor.max(facts.opened_at + Duration::hours(i64::from(hours)) + jitter)
        }
        When::MorningAfterDays(days) => {
            let first = opened_on.checked_add_days(Days::new(u64::from(days))).unwrap_or(opened_on);
            mornings(&|day| day >= first)
        }
        When::Payday => mornings(&|day| day > opened_on && local::is_payday(day, &policy.paydays)),
        When::MonthTurn(day_of_month) => {
            mornings(&|day| (day.year(), day.month()) > (opened_on.year(), opened_on.month()) && day.day() >= day_of_month)
        }
    }
}

fn describe(rung: When) -> String {
    match rung {
        When::AfterH(hours) => format!("{hours} h after the failure"),
        When::MorningAfterDays(days) => format!("the payer's morning, {days} d after the failure"),
        When::Payday => "the payer's morning on the next payday".to_owned(),
        When::MonthTurn(_) => "the payer's morning after the turn of the month".to_owned(),
    }
}

/// An instant for people, to the minute.
pub(super) fn shown(at: At) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}
