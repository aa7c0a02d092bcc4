//! Schedules: work that begins by the clock, once per tick for all replicas together.

use chrono::SecondsFormat;
use croner::Cron;
use kernel::At;

/// A named cron expression (five fields, or six with seconds; UTC) and the activity that it starts.
pub struct Schedule {
    pub name: &'static str,
    pub activity: &'static str,
    cron: Cron,
}

impl Schedule {
    /// # Panics
    /// When the expression does not parse: it is a constant of the program, or a setting that was
    /// looked at with [`Schedule::fault_in`].
    pub fn new(name: &'static str, cron: &str, activity: &'static str) -> Self {
        let cron = cron.parse().unwrap_or_else(|wrong| panic!("the schedule {name} has no valid cron expression ({cron:?}): {wrong}"));
        Self { name, activity, cron }
    }

    /// What is wrong with an expression, in words; for those that come from the settings.
    pub fn fault_in(cron: &str) -> Option<String> {
        cron.parse::<Cron>().err().map(|wrong| format!("expected a cron expression such as `30 2 * * *`: {wrong}"))
    }

    /// The last tick after `since` and not after `now`. Ticks that were missed together (a night
    /// switched off, a clock moved by a month) are made up for by one run, not by hundreds.
    pub fn due(&self, since: At, now: At) -> Option<At> {
        let last = self.cron.find_previous_occurrence(&now, true).ok()?;
        (last > since).then_some(last)
    }

    /// The first tick after `now`; `None` for an expression that never comes again.
    pub fn next(&self, now: At) -> Option<At> {
        self.cron.find_next_occurrence(&now, false).ok()
    }

    /// What makes the run of this tick unique.
    pub fn dedupe_key(&self, tick: At) -> String {
        format!("{}:{}", self.name, tick.to_rfc3339_opts(SecondsFormat::Secs, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> At {
        text.parse().expect("a valid instant")
    }

    #[test]
    fn missed_ticks_are_made_up_for_by_the_last_one() {
        let hourly = Schedule::new("hourly", "0 * * * *", "test.tick");
        let since = at("2026-03-01T12:00:00Z");
        assert_eq!(hourly.due(since, at("2026-03-01T12:59:59Z")), None);
        assert_eq!(hourly.due(since, at("2026-03-01T13:00:00Z")), Some(at("2026-03-01T13:00:00Z")));
        assert_eq!(hourly.due(since, at("2026-03-04T08:30:00Z")), Some(at("2026-03-04T08:00:00Z")));
        assert_eq!(hourly.dedupe_key(at("2026-03-01T13:00:00Z")), "hourly:2026-03-01T13:00:00Z");
    }

    #[test]
    #[should_panic(expected = "no valid cron expression")]
    fn a_wrong_expression_is_a_mistake_in_the_program() {
        Schedule::new("wrong", "every day", "test.tick");
    }
}
