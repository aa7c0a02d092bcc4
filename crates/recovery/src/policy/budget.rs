//! The card networks' budget: how often one card may be tried, whoever tries it.

use std::sync::LazyLock;

use chrono::Duration;
use kernel::At;
use serde::Deserialize;

const BUDGETS: &str = include_str!("../../data/budgets.json");

/// The window of the networks' longer limit.
pub const WINDOW_DAYS: i64 = 30;
const DAY_HOURS: i64 = 24;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rows: Vec<Row>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    network: Option<String>,
    country: Option<String>,
    cap_30d: u32,
    cap_24h: u32,
    gap_min_h: u32,
    /// Where the figures come from, how sure that is, and when it was read.
    source: String,
}

static TABLE: LazyLock<File> = LazyLock::new(|| serde_json::from_str(BUDGETS).expect("a test reads the embedded table"));

/// The limits of one card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Attempts in any 30 days.
    pub cap_30d: u32,
    /// Attempts in any 24 hours.
    pub cap_24h: u32,
    /// Hours between two attempts.
    pub gap_min_h: u32,
    /// Where the figures come from.
    pub source: &'static str,
}

impl Budget {
    /// The limits for a card of this network and country. The config's cap holds everywhere, the
    /// table can only lower it.
    pub fn of(network: Option<&str>, country: Option<&str>, cap_30d: u32) -> Self {
        let same = |ours: &Option<String>, theirs: Option<&str>| match ours {
            None => true,
            Some(ours) => theirs.is_some_and(|theirs| theirs.eq_ignore_ascii_case(ours)),
        };
        let row = TABLE.rows.iter().find(|row| same(&row.network, network) && same(&row.country, country)).expect("the last row fits all");
        Self { cap_30d: row.cap_30d.min(cap_30d), cap_24h: row.cap_24h, gap_min_h: row.gap_min_h, source: &row.source }
    }

    /// The first instant, not before `at`, at which one more attempt on the card keeps to every
    /// limit; `None` when the cap allows no attempt at all. `used` are all attempts that are
    /// known, ours and others', in any order.
    pub fn first_free(&self, at: At, used: &[At]) -> Option<At> {
        if self.cap_30d == 0 || self.cap_24h == 0 {
            return None;
        }
        let mut used = used.to_vec();
        used.sort_unstable();
        let mut at = at;
        for (cap, window) in [(self.cap_30d, Duration::days(WINDOW_DAYS)), (self.cap_24h, Duration::hours(DAY_HOURS))] {
            // Windows are half open: an attempt exactly one window ago no longer counts.
            let cap = cap as usize;
            if used.len() >= cap {
                at = at.max(used[used.len() - cap] + window);
            }
        }
        match used.last() {
            Some(last) => Some(at.max(*last + Duration::hours(i64::from(self.gap_min_h)))),
            None => Some(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn start() -> At {
        "2026-11-20T09:00:00Z".parse().expect("an instant")
    }

    #[test]
    fn the_table_can_only_lower_the_configs_cap() {
        assert!(TABLE.rows.iter().all(|row| row.source.contains('[')), "every row says how sure it is");
        assert_eq!(Budget::of(Some("Visa"), Some("DE"), 15).cap_30d, 15);
        assert_eq!(Budget::of(Some("visa"), None, 40).cap_30d, 20);
        let brazil = Budget::of(Some("mastercard"), Some("br"), 15);
        assert_eq!((brazil.cap_30d, brazil.cap_24h, brazil.gap_min_h), (7, 1, 24));
        assert_eq!(Budget::of(None, None, 15).cap_30d, 15);
    }

    #[test]
    fn a_full_budget_opens_when_the_oldest_attempt_leaves_the_window() {
        let budget = Budget { cap_30d: 2, cap_24h: 10, gap_min_h: 0, source: "" };
        let used = [start(), start() + Duration::days(3)];
        assert_eq!(budget.first_free(start() + Duration::days(4), &used), Some(start() + Duration::days(30)));
        assert_eq!(Budget { cap_30d: 0, ..budget }.first_free(start(), &[]), None);
    }

    proptest! {
        #[test]
        fn no_window_ever_holds_more_than_the_cap(hours in proptest::collection::vec(0i64..1500, 0..40), cap in 1u32..20, asked in 0i64..1500) {
            let used: Vec<At> = hours.iter().map(|hours| start() + Duration::hours(*hours)).collect();
            let budget = Budget { cap_30d: cap, cap_24h: 5, gap_min_h: 1, source: "" };
            let at = budget.first_free(start() + Duration::hours(asked), &used).expect("the cap is not zero");
            prop_assert!(at >= start() + Duration::hours(asked));
            let within = |window: Duration| used.iter().filter(|past| **past > at - window).count();
            prop_assert!(within(Duration::days(WINDOW_DAYS)) < cap as usize);
            prop_assert!(within(Duration::hours(24)) < 5);
        }
    }
}
