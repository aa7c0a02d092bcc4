//! Time zones: the one place where local time is allowed.

use std::fmt;
use std::str::FromStr;

use chrono_tz::Tz;

/// A zone of the IANA database, such as `Africa/Johannesburg`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeZone(Tz);

/// Why a text is no time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a time zone of the IANA database such as `Africa/Johannesburg`")]
pub struct NotATimeZone;

impl TimeZone {
    /// For reckoning with local time.
    pub const fn tz(self) -> Tz {
        self.0
    }
}

impl FromStr for TimeZone {
    type Err = NotATimeZone;

    fn from_str(text: &str) -> Result<Self, NotATimeZone> {
        text.trim().parse().map(Self).map_err(|_| NotATimeZone)
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_zones_of_the_database_pass() {
        assert_eq!("Africa/Johannesburg".parse::<TimeZone>().map(|zone| zone.to_string()), Ok("Africa/Johannesburg".to_owned()));
        for text in ["", "Mars/Olympus", "+02:00", "africa johannesburg"] {
            assert_eq!(text.parse::<TimeZone>(), Err(NotATimeZone), "{text}");
        }
    }
}
