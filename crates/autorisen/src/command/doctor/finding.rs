//! What a check found, and how it is told.

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Ok,
    /// It works, and somebody should know.
    Warning,
    /// It doesn't work, or is not safe here.
    Fault,
    /// It could not be looked at, because of something else that is told.
    Skipped,
}

impl State {
    /// As wide as the widest of them.
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok     ",
            Self::Warning => "warning",
            Self::Fault => "fault  ",
            Self::Skipped => "skipped",
        }
    }
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) state: State,
    /// One sentence, without secrets.
    pub(super) what: String,
    /// The command or the setting that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<String>,
}

impl Finding {
    fn new(check: &'static str, state: State, what: impl Into<String>) -> Self {
        Self { check, state, what: what.into(), hint: None }
    }

    pub(super) fn ok(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, State::Ok, what)
    }

    pub(super) fn warning(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, State::Warning, what)
    }

    pub(super) fn fault(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, State::Fault, what)
    }

    pub(super) fn skipped(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, State::Skipped, what)
    }

    #[must_use]
    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// A fault where real data lives, a warning on a developer's machine.
    pub(super) fn serious_if(is_real: bool, check: &'static str, what: impl Into<String>) -> Self {
        if is_real { Self::fault(check, what) } else { Self::warning(check, what) }
    }

    /// For eyes.
    pub(super) fn lines(&self) -> String {
        let mut text = format!("{}  {:12}  {}", self.state.word(), self.check, self.what);
        if let Some(hint) = &self.hint {
            text.push_str("\n  hint: ");
            text.push_str(hint);
        }
        text
    }
}
