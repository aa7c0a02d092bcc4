//! The bar chart: two series over some days, as SVG that the server draws.
//!
//! The drawing is for the eye; a hidden table beside it holds the same numbers for whoever does not
//! see it. Nothing needs script, and each day tells its numbers when pointed at.

use askama::Template;
use askama::filters::HtmlSafe;
use chrono::NaiveDate;
use kernel::{Currency, Money};

/// Width of one day in the drawing's own units: two bars of 3.8 and the air around them.
const DAY_WIDTH: usize = 10;
/// The least height of a bar that is not zero, in hundredths of the drawing: one failure among
/// thousands must still be seen.
const BAR_HEIGHT_MIN: f64 = 1.2;

/// What the numbers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Minor units of a currency.
    Money(Currency),
}

/// One day's two numbers, in the order of the series.
#[derive(Debug, Clone, Copy)]
pub struct ChartDay {
    pub day: NaiveDate,
    pub values: [i64; 2],
}

/// Two series of bars, day by day, oldest first. Numbers below zero are drawn as nothing.
#[derive(Template)]
#[template(path = "parts/chart.html")]
pub struct BarChart<'a> {
    /// Unique on the page.
    pub id: &'a str,
    pub title: &'a str,
    pub series: [&'a str; 2],
    pub days: &'a [ChartDay],
    pub unit: Unit,
}

impl HtmlSafe for BarChart<'_> {}

/// One day as it is drawn.
struct Column {
    x: usize,
    y: [String; 2],
    height: [String; 2],
    words: String,
}

impl BarChart<'_> {
    fn width(&self) -> usize {
        self.days.len().max(1) * DAY_WIDTH
    }

    /// The number at the upper edge: the least round one that no bar exceeds.
    fn top(&self) -> i64 {
        round_up(self.days.iter().flat_map(|day| day.values).max().unwrap_or(0))
    }

    fn columns(&self) -> Vec<Column> {
        let top = self.top() as f64;
        let height = |value: i64| match value {
            ..=0 => 0.0,
            _ => (value as f64 / top * 100.0).max(BAR_HEIGHT_MIN),
        };
        let column = |(place, day): (usize, &ChartDay)| {
            let heights = day.values.map(height);
            Column {
                x: place * DAY_WIDTH,
                y: heights.map(|height| format!("{:.2}", 100.0 - height)),
                height: heights.map(|height| format!("{height:.2}")),
                words: self.words(day),
            }
        };
        self.days.iter().enumerate().map(column).collect()
    }

    fn words(&self, day: &ChartDay) -> String {
        let [first, second] = day.values.map(|value| self.amount(value));
        format!("{}: {} {first}, {} {second}", day.day.format("%-d %b %Y"), self.series[0], self.series[1])
    }

    fn amount(&self, value: i64) -> String {
        match self.unit {
            Unit::Count => value.to_string(),
            Unit::Money(currency) => Money::new(value, currency).to_string(),
        }
    }

    /// The labels of the scale, from the top down to zero; whole amounts drop their cents.
    fn scale(&self) -> Vec<String> {
        [self.top(), self.top() / 2, 0].into_iter().map(|value| self.amount(value).replace(".00 ", " ")).collect()
    }

    /// The hidden table's lines: the day and both numbers.
    fn rows(&self) -> impl Iterator<Item = (NaiveDate, String, String)> {
        self.days.iter().map(|day| (day.day, self.amount(day.values[0]), self.amount(day.values[1])))
    }

    /// The days named below the drawing: first, middle, last.
    fn marks(&self) -> Vec<String> {
        let last = self.days.len().saturating_sub(1);
        let mut places = vec![0, last / 2, last];
        places.dedup();
        places.into_iter().filter_map(|place| self.days.get(place)).map(|day| day.day.format("%-d %b").to_string()).collect()
    }

    fn description(&self) -> String {
        let [first, second] = [0, 1].map(|series| self.amount(self.days.iter().map(|day| day.values[series]).sum()));
        format!("{} days. {}: {first} in all. {}: {second} in all.", self.days.len(), self.series[0], self.series[1])
    }
}

/// 2, 4, 10, 20, 40, 100 …: even, so that the half of it is a whole number too.
fn round_up(most: i64) -> i64 {
    let mut decade = 1i64;
    loop {
        for step in [2, 4, 10] {
            match decade.checked_mul(step) {
                Some(round) if round >= most => return round,
                Some(_) => {}
                None => return i64::MAX,
            }
        }
        decade = decade.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(values: &[[i64; 2]]) -> Vec<ChartDay> {
        let first = NaiveDate::from_ymd_opt(2026, 3, 1).expect("a valid day");
        values.iter().zip(first.iter_days()).map(|(values, day)| ChartDay { day, values: *values }).collect()
    }

    fn chart(days: &[ChartDay], unit: Unit) -> BarChart<'_> {
        BarChart { id: "money", title: "Failed & recovered", series: ["Failed", "<b>Recovered"], days, unit }
    }

    #[test]
    fn a_chart_tells_its_numbers_in_a_table_too() {
        let days = days(&[[1250, 0], [400_000, 1250]]);
        let html = chart(&days, Unit::Money("EUR".parse().expect("a currency"))).to_string();
        assert!(html.contains("<caption>Failed &#38; recovered</caption>"), "{html}");
        assert!(html.contains(r#"<tr><th scope="row">2026-03-02</th><td>4,000.00 EUR</td><td>12.50 EUR</td></tr>"#), "{html}");
        assert!(html.contains("<desc") && html.contains(r#"aria-labelledby="money-title money-desc""#), "{html}");
        assert!(!html.contains("<b>") && !html.contains("style="), "{html}");
    }

    #[test]
    fn the_scale_is_round_and_never_below_a_bar() {
        for (most, top) in [(0, 2), (1, 2), (3, 4), (5, 10), (41, 100), (100, 100), (101, 200), (i64::MAX, i64::MAX)] {
            assert_eq!(round_up(most), top, "{most}");
        }
    }

    #[test]
    fn small_numbers_stay_visible_and_nothing_stays_nothing() {
        let days = days(&[[1, 0], [100_000, -5]]);
        let columns = chart(&days, Unit::Count).columns();
        assert_eq!(columns[0].height, ["1.20".to_owned(), "0.00".to_owned()]);
        assert_eq!(columns[1].height, ["100.00".to_owned(), "0.00".to_owned()]);
    }

    #[test]
    fn a_chart_of_no_days_still_renders() {
        assert!(chart(&[], Unit::Count).to_string().contains("0 days."));
    }
}
