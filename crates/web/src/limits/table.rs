//! The table: one row for each thing that is limited and each of those by whom it is.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use chrono::Duration;
use host::config::Values;
use host::{Key, Registry, Section};
use store::Window;

/// A quarter of an hour: long enough to make guessing hopeless, short enough to wait for.
const QUARTER_S: u32 = 900;
const HOUR_S: u32 = 3600;
const MINUTE_S: u32 = 60;
const DAY_S: u32 = 86_400;
/// In development, demo and test whole test runs and benchmarks come from one person in one network.
const FLOW_DEV: Option<u32> = Some(1_000_000);
/// More than a million tries are no limit any more.
const LIMITS: RangeInclusive<u32> = 1..=1_000_000;
/// A week: who is locked out for longer needs a person, not a counter.
const WINDOWS_S: RangeInclusive<u32> = 1..=604_800;

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// A password at sign-in. Failures are counted.
    SignIn,
    /// The current password when changing it. Failures are counted.
    Change,
    /// A mail that resets the password.
    Reset,
    /// A mail that verifies the address.
    Resend,
    /// A new account with its organization.
    Register,
    /// The mail that a registration leads to.
    RegistrationMail,
    /// A password that is chosen with the link from a mail.
    Choose,
    /// An invitation by mail.
    Invite,
    /// An invitation, by the address that it is written to.
    Invited,
    /// The token of an invitation.
    Accept,
    /// A key or a cookie that was not seen here before, and may be made up.
    Credential,
    /// A request for the interface or for a page.
    Request,
    /// An event that a program reports.
    Intake,
    /// A webhook of a payment provider.
    Webhook,
}

impl Way {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Change => "change",
            Self::Reset => "reset",
            Self::Resend => "resend",
            Self::Register => "register",
            Self::RegistrationMail => "registration_mail",
            Self::Choose => "choose",
            Self::Invite => "invite",
            Self::Invited => "invited",
            Self::Accept => "accept",
            Self::Credential => "credential",
            Self::Request => "request",
            Self::Intake => "intake",
            Self::Webhook => "webhook",
        }
    }

    /// Whether a count that is lost lets more through. What guards a way in, or sends mail, fails
    /// closed instead.
    pub(super) const fn fails_open(self) -> bool {
        matches!(self, Self::Credential | Self::Request | Self::Intake | Self::Webhook)
    }

    /// Names the windows of what fails open.
    pub(super) const fn scope(self, per: Per) -> &'static str {
        match (self, per) {
            (Self::Intake, Per::Account) => "intake:account",
            (Self::Intake, Per::Network) => "intake:network",
            (Self::Intake, Per::Organization) => "intake:organization",
            (Self::Intake, Per::Key) => "intake:key",
            (Self::Webhook, _) => "webhook:network",
            (Self::Credential, _) => "credential:network",
            (_, Per::Account) => "request:account",
            (_, Per::Network) => "request:network",
            (_, Per::Organization) => "request:organization",
            (_, Per::Key) => "request:key",
        }
    }
}

/// By whom it is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Per {
    Account,
    Network,
    Organization,
    Key,
}

impl Per {
    const fn name(self) -> &'static str {
        match self {
            Self::Account => "per_account",
            Self::Network => "per_network",
            Self::Organization => "per_organization",
            Self::Key => "per_key",
        }
    }
}

/// A row of the table, with its defaults.
struct Row {
    way: Way,
    per: Per,
    limit: u32,
    /// Another default in development, demo and test, where everybody comes from one network.
    limit_dev: Option<u32>,
    window_s: u32,
    /// What is counted, as the beginning of a sentence.
    counts: &'static str,
}

const fn row(way: Way, per: Per, limit: u32, window_s: u32, counts: &'static str) -> Row {
    Row { way, per, limit, limit_dev: None, window_s, counts }
}

/// A flow of requests, per minute: far above what people and honest programs need, far below what
/// makes others wait.
const fn flow(way: Way, per: Per, limit: u32, counts: &'static str) -> Row {
    Row { limit_dev: FLOW_DEV, ..row(way, per, limit, MINUTE_S, counts) }
}

const TABLE: [Row; 27] = [
    // What a person needs who remembers nearly right, and an office behind one address.
    row(Way::SignIn, Per::Account, 5, QUARTER_S, "Failed sign-ins with one mail address"),
    row(Way::SignIn, Per::Network, 30, QUARTER_S, "Failed sign-ins from one network"),
    row(Way::Change, Per::Account, 5, QUARTER_S, "Wrong current passwords of one account that changes its password"),
    row(Way::Change, Per::Network, 30, QUARTER_S, "Wrong current passwords from one network"),
    row(Way::Reset, Per::Account, 5, QUARTER_S, "Wishes to reset the password of one mail address"),
    row(Way::Reset, Per::Network, 30, QUARTER_S, "Wishes to reset a password from one network"),
    row(Way::Resend, Per::Account, 5, QUARTER_S, "Wishes to verify one mail address again"),
    row(Way::Resend, Per::Network, 30, QUARTER_S, "Wishes to verify a mail address again from one network"),
    // A class or an office may found many; a flood of accounts is stopped.
    Row { limit_dev: Some(10_000), ..row(Way::Register, Per::Network, 30, HOUR_S, "Registrations from one network") },
    // Each holds a link for a day, so whoever has five needs no sixth. Of their own, so that who registers
    // somebody else's address keeps its owner from no other mail; and by network, so that it takes four of
    // them to keep the owner from this one.
    row(Way::RegistrationMail, Per::Network, 5, DAY_S, "Mails about a registration to one mail address, asked for from one network"),
    row(Way::RegistrationMail, Per::Account, 20, DAY_S, "Mails about a registration to one mail address, by whomever"),
    // Judging one is work for the server: what a person tries until the rules take one, and as many people
    // as one network may register, each with a few.
    row(Way::Choose, Per::Account, 20, HOUR_S, "Passwords tried with one link from a mail"),
    Row {
        limit_dev: Some(10_000),
        ..row(Way::Choose, Per::Network, 100, HOUR_S, "Passwords tried with links from mails, from one network")
    },
    // A company that moves in invites everybody within an afternoon.
    row(Way::Invite, Per::Account, 100, HOUR_S, "Invitations by one person"),
    row(Way::Invite, Per::Organization, 300, HOUR_S, "Invitations into one organization"),
    // Somebody who was invited wrongly, or whose mails get lost; no more than a nuisance to a stranger.
    row(Way::Invited, Per::Account, 20, DAY_S, "Invitations to one mail address, by whomever"),
    row(Way::Invited, Per::Organization, 5, DAY_S, "Invitations of one organization to one mail address"),
    row(Way::Accept, Per::Account, 20, HOUR_S, "Tries of one person to accept an invitation"),
    // Each costs a look into a table before anybody is known: as many as a stranger may ask for anything,
    // so that after a restart a whole office is recognized within the minute.
    flow(Way::Credential, Per::Network, 3_000, "API keys and session cookies from one network that were not seen here before"),
    // An office behind one address at fifty a second; a person's busiest script at a hundred; programs.
    flow(Way::Request, Per::Network, 3_000, "Requests of strangers from one network"),
    flow(Way::Request, Per::Account, 6_000, "Requests of one person"),
    flow(Way::Request, Per::Key, 30_000, "Requests with one API key"),
    flow(Way::Request, Per::Organization, 120_000, "Requests of all people and keys of one organization"),
    flow(Way::Intake, Per::Account, 6_000, "Events reported by one person"),
    flow(Way::Intake, Per::Key, 12_000, "Events reported with one API key"),
    flow(Way::Intake, Per::Organization, 60_000, "Events reported by one organization"),
    // A provider bills a month's subscriptions within minutes, and sends again what is refused.
    flow(Way::Webhook, Per::Network, 60_000, "Webhooks from one network"),
];

impl Row {
    /// `sign_in.per_account.limit`
    fn field(&self, last: &str) -> String {
        format!("{}.{}.{last}", self.way.name(), self.per.name())
    }

    fn keys(&self) -> [Key; 2] {
        let path = |last: &str| format!("{}.{}", LimitsConfig::NAME, self.field(last));
        let (default, doc) = match self.limit_dev {
            None => (Some(self.limit), format!("{}: how many within the window.", self.counts)),
            Some(dev) => {
                let unset = format!("Unset, it is {}, and {dev} in development, demo and test.", self.limit);
                (None, format!("{}: how many within the window. {unset}", self.counts))
            }
        };
        let window = "Seconds of the window, from the first that is counted.";
        [Key::new(&path("limit"), &doc, &default, &[]), Key::new(&path("window_s"), window, &self.window_s, &[])]
    }

    /// The limit when nobody set one.
    fn usual(&self, is_dev: bool) -> u32 {
        self.limit_dev.filter(|_| is_dev).unwrap_or(self.limit)
    }
}

/// The settings of the table: what is set for each of its rows.
#[derive(Debug, Clone)]
pub struct LimitsConfig(Vec<Set>);

#[derive(Debug, Clone, Copy)]
struct Set {
    limit: Option<u32>,
    window_s: u32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self(TABLE.iter().map(|row| Set { limit: None, window_s: row.window_s }).collect())
    }
}

impl Section for LimitsConfig {
    const NAME: &'static str = "limits";
    const ABOUT: &'static str = "How often something may be done. What is one too many is answered with 429 `rate_limited` and the seconds to wait. `credential`, `request`, `intake` and `webhook` are counted in memory or in Valkey and fail open; all others are counted in the database and fail closed.";

    fn keys() -> Vec<Key> {
        TABLE.iter().flat_map(Row::keys).collect()
    }

    fn read(values: &mut Values<'_>) -> Self {
        let set =
            |row: &Row| Set { limit: values.read(&row.field("limit"), None), window_s: values.read(&row.field("window_s"), row.window_s) };
        Self(TABLE.iter().map(set).collect())
    }
}

/// So many within such a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rule {
    pub limit: i32,
    pub window: Duration,
}

impl Rule {
    /// Where somebody's count is kept who is held to this rule.
    pub fn window_of(self, way: Way, per: Per, whose: u128) -> Window {
        Window { scope: way.scope(per), whose, length: self.window }
    }
}

/// The rules in force.
pub(super) struct Limits(BTreeMap<(Way, Per), Rule>);

impl Limits {
    /// Reads the settings, and notes what is wrong with them.
    pub fn of(app: &mut Registry) -> Self {
        let settings = app.config::<LimitsConfig>();
        let is_dev = app.environment().is_dev();
        let mut rules = BTreeMap::new();
        for (row, set) in TABLE.iter().zip(&settings.0) {
            let limit = set.limit.unwrap_or_else(|| row.usual(is_dev));
            check(app, row, "limit", limit, &LIMITS);
            check(app, row, "window_s", set.window_s, &WINDOWS_S);
            let rule = Rule { limit: i32::try_from(limit).unwrap_or(i32::MAX), window: Duration::seconds(set.window_s.into()) };
            rules.insert((row.way, row.per), rule);
        }
        Self(rules)
    }

    pub fn rule(&self, way: Way, per: Per) -> Rule {
        self.find(way, per).expect("what is counted stands in the table")
    }

    /// The rule, where the table has one.
    pub fn find(&self, way: Way, per: Per) -> Option<Rule> {
        self.0.get(&(way, per)).copied()
    }
}

fn check(app: &mut Registry, row: &Row, last: &str, value: u32, allowed: &RangeInclusive<u32>) {
    if !allowed.contains(&value) {
        let key = format!("{}.{}", LimitsConfig::NAME, row.field(last));
        app.config_fault(&key, format!("must be from {} to {}, not {value}", allowed.start(), allowed.end()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_row_stands_there_twice() {
        let paths: std::collections::BTreeSet<_> = LimitsConfig::keys().into_iter().map(|key| key.path).collect();
        assert_eq!(paths.len(), TABLE.len() * 2);
        assert!(paths.contains("limits.sign_in.per_account.limit") && paths.contains("limits.invite.per_organization.window_s"));
    }

    #[test]
    fn the_defaults_are_the_promised_ones() {
        for row in TABLE.iter().filter(|row| matches!(row.way, Way::SignIn | Way::Reset)) {
            let promised = if row.per == Per::Account { 5 } else { 30 };
            assert_eq!((row.usual(true), row.usual(false), row.window_s), (promised, promised, 900));
        }
    }

    #[test]
    fn only_development_registers_without_end() {
        let register = TABLE.iter().find(|row| row.way == Way::Register).expect("a row");
        assert_eq!((register.usual(true), register.usual(false)), (10_000, 30));
    }
}
