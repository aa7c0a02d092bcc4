//! The span of a cohort.

use chrono::{Days, Duration, NaiveDate, NaiveTime};
use kernel::{At, Check, Failure};
use serde::Deserialize;
use utoipa::IntoParams;

/// Days that are shown when nobody says which.
pub(crate) const DAYS_DEFAULT: i64 = 30;
/// Two years: enough to compare a month with the same month of the year before.
const DAYS_MAX: i64 = 732;

/// From when to when.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RangeQuery {
    /// A day (`2026-11-01`) or an instant (RFC 3339); 30 days before `to` when absent.
    from: Option<String>,
    /// A day, which is included, or an instant, which is not; now when absent.
    to: Option<String>,
}

/// A span of time: from the first instant up to but not including the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub from: At,
    pub to: At,
}

impl Range {
    /// So many whole days (UTC) from the first on.
    pub fn of_days(first: NaiveDate, days: u64) -> Self {
        let end = first.checked_add_days(Days::new(days)).unwrap_or(first);
        Self { from: begin(first), to: begin(end) }
    }
}

/// The first of the last `days` days, today included.
pub(crate) fn first_of_last(days: u64, now: At) -> NaiveDate {
    let today = now.date_naive();
    today.checked_sub_days(Days::new(days.saturating_sub(1))).unwrap_or(today)
}

impl RangeQuery {
    /// The span, or 422.
    pub fn read(&self, now: At) -> Result<Range, Failure> {
        let mut check = Check::new();
        let until_now = Some(now + Duration::microseconds(1));
        let to = self.to.as_deref().map_or(until_now, |text| instant(&mut check, "to", text, true));
        let from = match (self.from.as_deref(), to) {
            (Some(text), _) => instant(&mut check, "from", text, false),
            (None, to) => to.map(|to| to - Duration::days(DAYS_DEFAULT)),
        };
        if let (Some(from), Some(to)) = (from, to) {
            check.that(from < to, "from", "must be before `to`");
            check.that(to - from <= Duration::days(DAYS_MAX), "from", format!("must be at most {DAYS_MAX} days before `to`"));
        }
        check.done()?;
        let missing = || Failure::field("from", "is not an instant");
        Ok(Range { from: from.ok_or_else(missing)?, to: to.ok_or_else(missing)? })
    }
}

/// A day stands for its beginning, as an end for the beginning of the next.
fn instant(check: &mut Check, field: &str, text: &str, is_end: bool) -> Option<At> {
    let named = named(check, field, text, is_end)?;
    // What is out of bounds is noted, and nothing is computed with it.
    let mut bounds = Check::new();
    bounds.instant(field, named);
    match bounds.done() {
        Ok(()) => Some(named),
        Err(failure) => {
            failure.fields.into_iter().for_each(|(field, message)| {
                check.that(false, &field, message);
            });
            None
        }
    }
}

fn named(check: &mut Check, field: &str, text: &str, is_end: bool) -> Option<At> {
    if let Ok(day) = text.parse::<NaiveDate>() {
        let day = if is_end { day.checked_add_days(Days::new(1))? } else { day };
        return Some(begin(day));
    }
    let parsed = chrono::DateTime::parse_from_rfc3339(text).ok().map(|at| kernel::clock::to_micros(at.to_utc()));
    check.that(parsed.is_some(), field, "must be a day such as 2026-11-01 or an instant such as 2026-11-01T09:00:00Z");
    parsed
}

fn begin(day: NaiveDate) -> At {
    day.and_time(NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> At {
        text.parse().expect("an instant")
    }

    fn read(from: Option<&str>, to: Option<&str>) -> Result<Range, Failure> {
        RangeQuery { from: from.map(Into::into), to: to.map(Into::into) }.read(at("2026-11-20T10:00:00Z"))
    }

    #[test]
    fn a_day_is_included_at_both_ends() {
        let range = read(Some("2026-11-01"), Some("2026-11-03")).expect("a range");
        assert_eq!((range.from, range.to), (at("2026-11-01T00:00:00Z"), at("2026-11-04T00:00:00Z")));
    }

    #[test]
    fn an_instant_beyond_the_calendar_is_refused_and_not_computed_with() {
        for (from, to) in [(None, Some("-262143-01-01")), (Some("+262142-12-31"), None), (Some("0001-01-01T00:00:00Z"), None)] {
            let failure = read(from, to).expect_err("out of bounds");
            assert_eq!(failure.status, 422, "{from:?} {to:?}");
        }
    }

    #[test]
    fn without_an_end_it_is_now() {
        let range = read(None, None).expect("a range");
        assert!(range.to > at("2026-11-20T10:00:00Z"), "what happened this instant counts");
        assert_eq!(range.to - range.from, Duration::days(30));
    }

    #[test]
    fn nonsense_is_refused() {
        for (from, to) in [(Some("soon"), None), (Some("2026-12-01"), Some("2026-11-01")), (Some("2020-01-01"), None)] {
            assert!(read(from, to).is_err(), "{from:?} {to:?}");
        }
    }
}
