//! The settings of this room.

use chrono::Duration;
use host::{Environment, Registry};
use serde::{Deserialize, Serialize};

use crate::passwords::{Cost, MEMORY_KIB_MIN, PASSES_MIN, Rules};
use crate::sessions::{Kind, Limits};

/// The span that SECURITY allows for the least length of a password.
const PASSWORD_CHARS: std::ops::RangeInclusive<u8> = 8..=64;
/// An access token lives at most this long, because it is believed without asking anybody.
const ACCESS_MINUTES: std::ops::RangeInclusive<u8> = 1..=15;
/// Nothing stays signed in longer than this without a fresh proof.
const DAYS: std::ops::RangeInclusive<u16> = 1..=90;

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    Open,
    InviteOnly,
    Closed,
}

/// When an account begins to exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistrationMode {
    /// With the request: tokens at once, and a taken address answers 409.
    Immediate,
    /// With the link in a mail: the same answer for every address.
    MailFirst,
}

host::section! {
    /// People: how they register, prove who they are, and stay signed in.
    pub struct IdentityConfig("identity") {
        /// Who may make an account: anybody (`open`), those who are invited (`invite_only`), or nobody (`closed`).
        registration: Registration = Registration::Open,
        /// `immediate` (tokens at once) or `mail_first` (the link in the mail finishes it). Unset, it is `immediate` in development, demo and test, and `mail_first` elsewhere and wherever `verified_to_sign_in` is set.
        registration_mode: Option<RegistrationMode> = None,
        /// Whether an account whose address is not verified may not even sign in.
        verified_to_sign_in: bool = false,
        /// Characters that a password has at least: 8 to 64.
        password_chars_min: u8 = 12,
        /// Memory of one password hash (argon2id) in KiB.
        hash_memory_kib: u32 = MEMORY_KIB_MIN,
        /// Passes of one password hash over its memory.
        hash_passes: u32 = PASSES_MIN,
        /// Password hashes that are computed at the same time; each holds its memory.
        hash_parallel: u8 = 2,
        /// Minutes that an access token lives: 1 to 15.
        access_minutes: u8 = 15,
        /// Days after which an unused refresh token ends: 1 to 90.
        refresh_idle_days: u16 = 30,
        /// Days after which a client has to sign in again whatever it does: 1 to 90.
        refresh_days: u16 = 90,
        /// Hours after which an unused browser session ends: 1 to 168.
        session_idle_hours: u16 = 12,
        /// Days after which a browser session ends whatever it does: 1 to 90.
        session_days: u16 = 7,
        /// Days that "stay signed in" lasts: 1 to 90.
        remember_days: u16 = 90,
    }
}

impl IdentityConfig {
    /// The settings in force, with everything that is wrong with them noted.
    pub(crate) fn of(app: &mut Registry) -> Self {
        let settings = app.config::<Self>();
        settings.check_ranges(app);
        if settings.verified_to_sign_in && settings.registration_mode == Some(RegistrationMode::Immediate) {
            app.config_fault(
                "identity.registration_mode",
                "`immediate` signs people in before they verify, which `identity.verified_to_sign_in` forbids; leave it out, or write `mail_first`",
            );
        }
        settings
    }

    fn check_ranges(&self, app: &mut Registry) {
        let days = [
            ("refresh_idle_days", self.refresh_idle_days),
            ("refresh_days", self.refresh_days),
            ("session_days", self.session_days),
            ("remember_days", self.remember_days),
        ];
        for (key, value) in days.into_iter().filter(|(_, value)| !DAYS.contains(value)) {
            app.config_fault(&format!("identity.{key}"), format!("must be from 1 to 90 days, not {value}"));
        }
        if !PASSWORD_CHARS.contains(&self.password_chars_min) {
            app.config_fault("identity.password_chars_min", "must be from 8 to 64");
        }
        if !ACCESS_MINUTES.contains(&self.access_minutes) {
            app.config_fault("identity.access_minutes", "must be from 1 to 15");
        }
        if !(1..=168).contains(&self.session_idle_hours) {
            app.config_fault("identity.session_idle_hours", "must be from 1 to 168");
        }
    }

    /// When an account begins to exist here. Where nobody signs in unverified, nobody is in at once.
    pub(crate) fn mode(&self, environment: Environment) -> RegistrationMode {
        let at_once = environment.is_dev() && !self.verified_to_sign_in;
        let usual = if at_once { RegistrationMode::Immediate } else { RegistrationMode::MailFirst };
        self.registration_mode.unwrap_or(usual)
    }

    pub(crate) fn rules(&self) -> Rules {
        Rules { chars_min: self.password_chars_min.into() }
    }

    pub(crate) fn cost(&self) -> Cost {
        Cost { memory_kib: self.hash_memory_kib, passes: self.hash_passes, parallel: self.hash_parallel.into() }
    }

    pub(crate) fn access_lifetime(&self) -> Duration {
        Duration::minutes(self.access_minutes.into())
    }

    /// The limits of one kind of session.
    pub(crate) fn limits(&self, kind: Kind) -> Limits {
        let days = |days: u16| Duration::days(days.into());
        match kind {
            Kind::Browser => Limits { idle: Duration::hours(self.session_idle_hours.into()), absolute: days(self.session_days) },
            Kind::Remembered => Limits { idle: days(self.remember_days), absolute: days(self.remember_days) },
            Kind::Api => Limits { idle: days(self.refresh_idle_days), absolute: days(self.refresh_days) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_the_promised_ones() {
        let settings = IdentityConfig::default();
        assert_eq!(settings.limits(Kind::Browser), Limits { idle: Duration::hours(12), absolute: Duration::days(7) });
        assert_eq!(settings.limits(Kind::Remembered).absolute, Duration::days(90));
        assert_eq!(settings.access_lifetime(), Duration::minutes(15));
        assert_eq!(settings.rules().chars_min, 12);
    }

    #[test]
    fn tokens_at_once_are_the_default_only_in_development() {
        let settings = IdentityConfig::default();
        for environment in Environment::ALL {
            let expected = if environment.is_dev() { RegistrationMode::Immediate } else { RegistrationMode::MailFirst };
            assert_eq!(settings.mode(environment), expected, "{environment}");
        }
    }
}
