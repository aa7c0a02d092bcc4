//! The report: two tables in Markdown, between two marks of the page.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::figures::{Figures, Requests, Step, Verdict, short};

const BEGIN: &str = "<!-- written by `just bench`; the next run replaces it -->";
const END: &str = "<!-- end of what `just bench` writes -->";

/// Everything between the marks.
pub fn text(figures: &Figures) -> String {
    let mut text = String::new();
    for (name, value) in &figures.head {
        let _ = writeln!(text, "- {name}: {value}");
    }
    if !figures.requests.is_empty() {
        requests(&mut text, &figures.requests);
    }
    if !figures.singles.is_empty() {
        text.push_str("\n| what | database | found | target | |\n| --- | --- | ---: | --- | --- |\n");
        for single in &figures.singles {
            let engine = single.engine.map_or("", |engine| engine.name());
            let target = single.verdict.as_ref().map_or("", |verdict| verdict.target.as_str());
            let word = single.verdict.as_ref().map_or("", word);
            let _ = writeln!(text, "| {} | {engine} | {} | {target} | {word} |", single.what, single.figure);
        }
    }
    text
}

fn word(verdict: &Verdict) -> &'static str {
    if verdict.is_met { "met" } else { "**missed**" }
}

fn requests(text: &mut String, rows: &[Requests]) {
    text.push_str(
        "\n| request | database | server CPU µs | database CPU µs | bare CPU µs | req/s at 1 / 32 / 256 | bare req/s | \
         p50, p99 ms at 1 | at 32 | at 256 | targets |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n",
    );
    for row in rows {
        let cpu = |steps: &[Step]| headline(steps).map_or(String::new(), |step| short(step.cpu_us));
        let database = headline(&row.product).filter(|step| step.database_us > 0.0).map_or(String::new(), |step| short(step.database_us));
        let rates = |steps: &[Step]| steps.iter().map(|step| short(step.per_second)).collect::<Vec<_>>().join(" / ");
        let waits = |connections: u64| {
            let step = row.product.iter().find(|step| step.connections == connections);
            step.map_or(String::new(), waited)
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {database} | {} | {} | {} | {} | {} | {} | {} |",
            row.what,
            row.engine.name(),
            cpu(&row.product),
            cpu(&row.bare),
            rates(&row.product),
            rates(&row.bare),
            waits(1),
            waits(32),
            waits(256),
            row.verdicts.iter().map(said).collect::<Vec<_>>().join("<br>"),
        );
    }
}

/// Half of the callers, and all but one of a hundred; and how many were told to come back.
fn waited(step: &Step) -> String {
    let waits = format!("{}, {}", short(step.p50_ms), short(step.p99_ms));
    if step.turned_away > 0.0 { format!("{waits}; {} % told to come back", short(step.turned_away * 100.0)) } else { waits }
}

/// The level whose CPU stands for the row: busy enough that nobody waits, quiet enough that nobody
/// queues.
pub const HEADLINE: u64 = 32;

pub fn headline(steps: &[Step]) -> Option<&Step> {
    steps.iter().find(|step| step.connections == HEADLINE).or(steps.last())
}

fn said(verdict: &Verdict) -> String {
    format!("{}: {} ({})", verdict.target, word(verdict), verdict.found)
}

/// Puts the text in the place of what an earlier run wrote.
pub fn put(page: &Path, text: &str) -> Result<()> {
    let before = fs::read_to_string(page)?;
    Ok(fs::write(page, replaced(&before, text)?)?)
}

fn replaced(page: &str, text: &str) -> Result<String> {
    let (head, rest) = page.split_once(BEGIN).context("the mark where the figures begin is missing")?;
    let (_, tail) = rest.split_once(END).context("the mark where the figures end is missing")?;
    Ok(format!("{head}{BEGIN}\n\n{text}\n{END}{tail}"))
}

/// Prints data. A reader that went away is no fault.
pub fn print(text: &str) {
    let _ = write!(std::io::stdout().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let page = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let next = replaced(&page, "new\n").unwrap();
        assert_eq!(next, format!("before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"));
        assert_eq!(replaced(&next, "new\n").unwrap(), next);
        assert!(replaced("no marks", "new").is_err());
    }
}
