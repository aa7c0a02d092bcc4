//! What was found, row by row.

use std::time::Duration;

use crate::database::Engine;
use crate::load::Outcome;

/// One level of concurrency.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    pub connections: u64,
    pub cpu_us: f64,
    /// Of the database's own processes.
    pub database_us: f64,
    pub per_second: f64,
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    /// The share of the requests that were turned away.
    pub turned_away: f64,
}

impl Step {
    pub fn of(connections: u64, outcome: &Outcome, cpu: Duration, database: Duration) -> Self {
        let each = |all: Duration| all.as_secs_f64() * 1e6 / outcome.requests().max(1) as f64;
        Self {
            connections,
            cpu_us: each(cpu),
            database_us: each(database),
            per_second: outcome.per_second(),
            p50_ms: outcome.within_ms(0.50),
            p95_ms: outcome.within_ms(0.95),
            p99_ms: outcome.within_ms(0.99),
            turned_away: outcome.turned_away(),
        }
    }

    /// The median of each figure over several runs of one level.
    pub fn median(runs: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| median(runs.iter().map(figure).collect());
        Self {
            connections: runs.first().map_or(0, |run| run.connections),
            cpu_us: of(|run| run.cpu_us),
            database_us: of(|run| run.database_us),
            per_second: of(|run| run.per_second),
            p50_ms: of(|run| run.p50_ms),
            p95_ms: of(|run| run.p95_ms),
            p99_ms: of(|run| run.p99_ms),
            turned_away: of(|run| run.turned_away),
        }
    }
}

/// The middle value; of an even number the upper one of the two.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A budget and whether it was kept.
#[derive(Debug, Clone)]
pub struct Verdict {
    pub target: String,
    pub found: String,
    pub is_met: bool,
}

impl Verdict {
    pub fn at_most(what: &str, bound: f64, unit: &str, found: f64) -> Self {
        Self { target: format!("{what} ≤ {bound} {unit}").trim().to_owned(), found: short(found), is_met: found <= bound }
    }

    pub fn at_least(what: &str, bound: f64, unit: &str, found: f64) -> Self {
        Self { target: format!("{what} ≥ {bound} {unit}").trim().to_owned(), found: short(found), is_met: found >= bound }
    }
}

/// Three figures that count.
pub fn short(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// A kind of request, at each level of concurrency.
#[derive(Debug, Clone)]
pub struct Requests {
    pub what: &'static str,
    pub engine: Engine,
    pub product: Vec<Step>,
    /// The same from the bare server, where there is one.
    pub bare: Vec<Step>,
    pub verdicts: Vec<Verdict>,
}

/// A figure that stands for itself.
#[derive(Debug, Clone)]
pub struct Single {
    pub what: String,
    pub engine: Option<Engine>,
    pub figure: String,
    pub verdict: Option<Verdict>,
}

/// All that one call of the program found.
#[derive(Debug, Default)]
pub struct Figures {
    pub requests: Vec<Requests>,
    pub singles: Vec<Single>,
    pub head: Vec<(&'static str, String)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_says_what_was_found_and_whether_it_was_kept() {
        let kept = Verdict::at_most("CPU", 4.0, "× bare", 3.456);
        assert_eq!((kept.target.as_str(), kept.found.as_str(), kept.is_met), ("CPU ≤ 4 × bare", "3.46", true));
        assert!(!Verdict::at_least("req/s", 0.6, "× bare", 0.59).is_met);
    }

    #[test]
    fn the_median_is_no_mean() {
        assert!((median(vec![100.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
    }
}
