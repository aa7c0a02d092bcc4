//! The payer's local time, which exists only here: everything else is UTC.

use chrono::{Datelike as _, Days, Duration, MappedLocalTime, NaiveDate, NaiveTime, TimeZone as _, Timelike as _};
use chrono_tz::Tz;
use kernel::At;

use super::ladder::{Hours, Paydays};

/// Longer than any gap that a change to daylight-saving time has left in a local day.
const GAP_HOURS_MAX: i64 = 25;
/// Every ladder's horizon is shorter; a search for a matching day ends here.
const SEARCH_DAYS_MAX: u64 = 400;

/// The local calendar day of an instant.
pub fn day(at: At, zone: Tz) -> NaiveDate {
    at.with_timezone(&zone).date_naive()
}

/// The instant at which a local clock shows `hour` on `day`. An hour that a change to
/// daylight-saving time skips rolls forward; one that comes twice is taken the first time.
pub fn instant(day: NaiveDate, hour: u32, zone: Tz) -> At {
    let wanted = day.and_time(NaiveTime::from_hms_opt(hour.min(23), 0, 0).expect("an hour of a day"));
    for hours in 0..=GAP_HOURS_MAX {
        match zone.from_local_datetime(&(wanted + Duration::hours(hours))) {
            MappedLocalTime::Single(at) | MappedLocalTime::Ambiguous(at, _) => return at.to_utc(),
            MappedLocalTime::None => {}
        }
    }
    wanted.and_utc()
}

/// `at` if it lies within the hours of the local day, else the beginning of the next such band.
pub fn within(at: At, hours: Hours, zone: Tz) -> At {
    let today = day(at, zone);
    let hour = at.with_timezone(&zone).hour();
    if (hours.from..hours.until).contains(&hour) {
        return at;
    }
    let begin = instant(today, hours.from, zone);
    if begin >= at { begin } else { instant(next(today), hours.from, zone) }
}

/// The first morning not before `floor` on a day that `wanted` accepts, spread over the band by
/// `share` (0 to 1).
pub fn morning(floor: At, hours: Hours, zone: Tz, share: f64, wanted: impl Fn(NaiveDate) -> bool) -> At {
    let mut candidate = day(floor, zone);
    for _ in 0..SEARCH_DAYS_MAX {
        if wanted(candidate) {
            let begin = instant(candidate, hours.from, zone);
            let length = Duration::hours(i64::from(hours.until - hours.from));
            // A minute less than the band, so that the last place is still inside it.
            let minutes = ((length.num_minutes() - 1) as f64 * share) as i64;
            let at = begin + Duration::minutes(minutes);
            if at >= floor {
                return at;
            }
            if begin + length > floor {
                return floor;
            }
        }
        candidate = next(candidate);
    }
    floor
}

/// Whether people get money on that day.
pub fn is_payday(day: NaiveDate, paydays: &Paydays) -> bool {
    paydays.days_of_month.contains(&day.day())
        || (paydays.month_end && next(day).month() != day.month())
        || paydays.weekdays.contains(&day.weekday())
}

fn next(day: NaiveDate) -> NaiveDate {
    day.checked_add_days(Days::new(1)).unwrap_or(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> At {
        text.parse().expect("an instant")
    }

    const BERLIN: Tz = chrono_tz::Europe::Berlin;
    const DAY_HOURS: Hours = Hours { from: 8, until: 21 };
    const MORNING: Hours = Hours { from: 8, until: 11 };

    #[test]
    fn a_mail_waits_for_the_payers_day() {
        assert_eq!(within(at("2026-11-20T10:00:00Z"), DAY_HOURS, BERLIN), at("2026-11-20T10:00:00Z"));
        assert_eq!(within(at("2026-11-20T20:30:00Z"), DAY_HOURS, BERLIN), at("2026-11-21T07:00:00Z"));
        assert_eq!(within(at("2026-11-20T03:00:00Z"), DAY_HOURS, BERLIN), at("2026-11-20T07:00:00Z"));
    }

    #[test]
    fn an_hour_that_does_not_exist_rolls_forward() {
        let spring = NaiveDate::from_ymd_opt(2027, 3, 28).expect("a day");
        assert_eq!(instant(spring, 2, BERLIN), at("2027-03-28T01:00:00Z"));
        let autumn = NaiveDate::from_ymd_opt(2026, 10, 25).expect("a day");
        assert_eq!(instant(autumn, 2, BERLIN), at("2026-10-25T00:00:00Z"));
    }

    #[test]
    fn a_morning_is_never_before_its_floor() {
        let floor = at("2026-11-20T08:30:00Z");
        let same = morning(floor, MORNING, BERLIN, 0.0, |_| true);
        assert_eq!(same, floor, "the morning is still on");
        let later = morning(at("2026-11-20T12:00:00Z"), MORNING, BERLIN, 0.5, |_| true);
        assert_eq!(later, at("2026-11-21T08:29:00Z"));
    }

    #[test]
    fn paydays_are_found() {
        let paydays = &super::super::Policy::builtin().paydays;
        let day = |text: &str| text.parse::<NaiveDate>().expect("a day");
        for text in ["2026-12-01", "2026-12-15", "2026-11-30", "2026-11-20"] {
            assert!(is_payday(day(text), paydays), "{text}");
        }
        assert!(!is_payday(day("2026-11-18"), paydays));
    }
}
