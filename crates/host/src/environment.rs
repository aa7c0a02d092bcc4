//! Where the program runs, and what that allows.

use std::fmt;
use std::str::FromStr;

/// The value of `AUTORISEN_ENV`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Environment {
    /// A person's own machine; the default.
    Development,
    /// A sandbox with made-up data and a clock that can be moved.
    Demo,
    /// Automatic tests.
    Test,
    /// Like production, with nobody's money.
    Staging,
    /// The real thing: insecure settings refuse to boot.
    Production,
}

/// Why a text is no environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected development, demo, test, staging or production")]
pub struct NotAnEnvironment;

impl Environment {
    pub const ALL: [Self; 5] = [Self::Development, Self::Demo, Self::Test, Self::Staging, Self::Production];

    /// The word in `AUTORISEN_ENV`, in file names and in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Demo => "demo",
            Self::Test => "test",
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }

    /// Development, demo and test: the mailbox in the browser, the movable clock and the sandbox are
    /// open, and the schema migrates itself at the start.
    pub const fn is_dev(self) -> bool {
        matches!(self, Self::Development | Self::Demo | Self::Test)
    }

    pub const fn is_production(self) -> bool {
        matches!(self, Self::Production)
    }
}

impl FromStr for Environment {
    type Err = NotAnEnvironment;

    fn from_str(text: &str) -> Result<Self, NotAnEnvironment> {
        Self::ALL.into_iter().find(|env| env.name() == text).ok_or(NotAnEnvironment)
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
