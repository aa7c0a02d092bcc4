//! What was tried, and how it went.

use std::time::Instant;

use anyhow::Result;
use serde_json::{Value, json};

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Passed,
    Failed,
    Skipped,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

#[derive(Debug)]
struct Check {
    name: &'static str,
    state: State,
    what: String,
    duration_ms: u64,
}

/// All checks of one run, in order.
#[derive(Debug)]
pub(super) struct Report {
    url: String,
    checks: Vec<Check>,
}

impl Report {
    pub(super) fn new(url: &str) -> Self {
        Self { url: url.to_owned(), checks: Vec::new() }
    }

    /// Runs a check and keeps how it went; what it found, when it passed.
    pub(super) async fn run<T>(&mut self, name: &'static str, check: impl Future<Output = Result<(T, String)>>) -> Option<T> {
        let start = Instant::now();
        let (state, what, found) = match check.await {
            Ok((found, what)) => (State::Passed, what, Some(found)),
            Err(error) => (State::Failed, format!("{error:#}"), None),
        };
        let duration_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.checks.push(Check { name, state, what, duration_ms });
        found
    }

    /// Notes that something was not tried, and why.
    pub(super) fn skip(&mut self, name: &'static str, why: &str) {
        self.checks.push(Check { name, state: State::Skipped, what: why.to_owned(), duration_ms: 0 });
    }

    pub(super) fn failed(&self) -> usize {
        self.checks.iter().filter(|check| check.state == State::Failed).count()
    }

    /// For eyes.
    pub(super) fn lines(&self) -> Vec<String> {
        let line = |check: &Check| format!("{:7}  {:16}  {}  ({} ms)", check.state.word(), check.name, check.what, check.duration_ms);
        self.checks.iter().map(line).collect()
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let check =
            |check: &Check| json!({"name": check.name, "state": check.state.word(), "what": check.what, "duration_ms": check.duration_ms});
        json!({"url": self.url, "ok": self.failed() == 0, "checks": self.checks.iter().map(check).collect::<Vec<_>>()})
    }
}
