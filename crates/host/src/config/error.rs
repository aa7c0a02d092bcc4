//! What can be wrong with settings, said so that a person can mend it: file, line, key, and a hint.

use std::fmt;

use super::Origin;

/// The exit code for settings that are wrong.
const EXIT_CONFIG: u8 = 3;
/// The exit code for settings that are not safe where we run.
const EXIT_REFUSED: u8 = 5;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub key: Option<String>,
    pub origin: Option<Origin>,
    pub message: String,
    pub hint: Option<String>,
    /// The setting is well-formed, but not safe where we run.
    pub refusal: bool,
}

impl Problem {
    pub fn new(message: impl Into<String>) -> Self {
        Self { key: None, origin: None, message: message.into(), hint: None, refusal: false }
    }

    #[must_use]
    pub fn key(self, key: impl Into<String>) -> Self {
        Self { key: Some(key.into()), ..self }
    }

    #[must_use]
    pub fn at(self, origin: Origin) -> Self {
        Self { origin: Some(origin), ..self }
    }

    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    #[must_use]
    pub fn refused(self) -> Self {
        Self { refusal: true, ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The default has no place that a person could look at.
        if let Some(origin) = self.origin.as_ref().filter(|origin| **origin != Origin::Default) {
            write!(f, "{origin}: ")?;
        }
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        f.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

/// Everything that is wrong with the settings, at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    pub problems: Vec<Problem>,
}

impl ConfigError {
    /// 5 when the settings are only refused for safety, else 3.
    pub fn exit_code(&self) -> u8 {
        if !self.problems.is_empty() && self.problems.iter().all(|problem| problem.refusal) { EXIT_REFUSED } else { EXIT_CONFIG }
    }
}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, problem) in self.problems.iter().enumerate() {
            if place > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
