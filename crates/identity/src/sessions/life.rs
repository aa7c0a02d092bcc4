//! How long a session lives: an idle limit that moves with use, and an absolute one that does not.
//! Both are stored as instants and compared with our clock, which for this never runs backwards.

use chrono::Duration;
use kernel::At;

/// A session's use is written down at most this often: a write per request would cost more than
/// the request. The idle limit may therefore strike this much early.
pub const TOUCH_EVERY: Duration = Duration::minutes(5);

/// What kind of session it is, and with it which limits hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A browser with a cookie.
    Browser,
    /// A browser whose owner asked to stay signed in.
    Remembered,
    /// A client with an access token and a refresh token.
    Api,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Browser, Self::Remembered, Self::Api];

    /// The word at rest and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Remembered => "remembered",
            Self::Api => "api",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub const fn is_browser(self) -> bool {
        !matches!(self, Self::Api)
    }
}

/// The two limits of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub idle: Duration,
    pub absolute: Duration,
}

/// The two instants at which a session ends, whichever comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    pub idle_expires_at: At,
    pub expires_at: At,
}

impl Life {
    pub fn begin(now: At, limits: Limits) -> Self {
        let expires_at = now + limits.absolute;
        Self { idle_expires_at: (now + limits.idle).min(expires_at), expires_at }
    }

    /// The same life after a use: the idle limit moves, never past the absolute one.
    pub fn used(self, now: At, limits: Limits) -> Self {
        Self { idle_expires_at: (now + limits.idle).min(self.expires_at), ..self }
    }

    /// The same life, cut where another one ends.
    pub fn ending_by(self, at: Option<At>) -> Self {
        let cut = |own: At| at.map_or(own, |at| own.min(at));
        Self { idle_expires_at: cut(self.idle_expires_at), expires_at: cut(self.expires_at) }
    }

    pub fn is_over(self, now: At) -> bool {
        now >= self.ends_at()
    }

    pub fn ends_at(self) -> At {
        self.idle_expires_at.min(self.expires_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits { idle: Duration::hours(12), absolute: Duration::days(7) };

    fn noon() -> At {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn an_unused_session_ends_after_the_idle_limit() {
        let life = Life::begin(noon(), LIMITS);
        assert!(!life.is_over(noon() + Duration::hours(12) - Duration::microseconds(1)));
        assert!(life.is_over(noon() + Duration::hours(12)));
    }

    #[test]
    fn a_used_session_ends_at_the_absolute_limit_all_the_same() {
        let mut life = Life::begin(noon(), LIMITS);
        for hour in (6..=24 * 7).step_by(6) {
            life = life.used(noon() + Duration::hours(hour), LIMITS);
        }
        assert!(!life.is_over(noon() + Duration::days(7) - Duration::seconds(1)));
        assert!(life.is_over(noon() + Duration::days(7)));
    }

    #[test]
    fn a_life_that_follows_another_ends_with_it() {
        let life = Life::begin(noon(), LIMITS).ending_by(Some(noon() + Duration::hours(1)));
        assert_eq!(life.used(noon() + Duration::minutes(30), LIMITS).ends_at(), noon() + Duration::hours(1));
    }

    #[test]
    fn every_kind_reads_back() {
        assert!(Kind::ALL.into_iter().all(|kind| Kind::parse(kind.name()) == Some(kind)));
    }

    proptest! {
        #[test]
        fn no_use_moves_the_absolute_limit(uses in prop::collection::vec(0i64..10_000, 0..20)) {
            let life = Life::begin(noon(), LIMITS);
            let end = uses.into_iter().fold(life, |life, minutes| life.used(noon() + Duration::minutes(minutes), LIMITS));
            prop_assert_eq!(end.expires_at, life.expires_at);
            prop_assert!(end.idle_expires_at <= end.expires_at);
        }
    }
}
