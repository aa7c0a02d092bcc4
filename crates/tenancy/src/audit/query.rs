//! What may be asked of the trail.

use kernel::{At, Check, Failure};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;
use web::ListQuery;

use super::kinds;

/// The kinds of actors, as the trail records them.
const ACTOR_KINDS: [&str; 4] = ["account", "api_key", "payer", "system"];
/// Longer than any action, id or part of the program.
const TEXT_LEN_MAX: usize = 100;

/// The filters of the trail; all that are given hold together.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// `member.removed`, or `member.` for all that begins so.
    pub action: Option<String>,
    /// An id such as `mem_…`, or a kind such as `member`.
    pub subject: Option<String>,
    /// An id such as `usr_…`, a part of the program such as `system:recovery`, or a kind:
    /// `account`, `api_key`, `payer`, `system`.
    pub actor: Option<String>,
    /// Not before this instant.
    #[param(value_type = Option<String>, format = DateTime)]
    pub from: Option<At>,
    /// Before this instant.
    #[param(value_type = Option<String>, format = DateTime)]
    pub to: Option<At>,
    /// Rows in a page, 1 to 100; 20 when absent.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u64>,
    /// `meta.next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl AuditQuery {
    pub fn list(&self) -> ListQuery {
        ListQuery { limit: self.limit, cursor: self.cursor.clone() }
    }

    /// The filters, read.
    pub fn filters(&self) -> Result<Filters, Failure> {
        let mut check = Check::new();
        for (field, text) in [("action", &self.action), ("subject", &self.subject), ("actor", &self.actor)] {
            check.text_if(field, text.as_deref(), 1..=TEXT_LEN_MAX);
        }
        for (field, at) in [("from", self.from), ("to", self.to)] {
            if let Some(at) = at {
                check.instant(field, at);
            }
        }
        let backwards = self.from.zip(self.to).is_some_and(|(from, to)| from > to);
        check.that(!backwards, "to", "must not lie before `from`");
        check.done()?;
        Ok(Filters {
            action: self.action.as_deref().map(Action::read),
            subject: self.subject.as_deref().map(Subject::read),
            actor: self.actor.as_deref().map(Actor::read),
            from: self.from,
            to: self.to,
        })
    }
}

/// What a page of the trail is filtered by.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Filters {
    pub(super) action: Option<Action>,
    pub(super) subject: Option<Subject>,
    pub(super) actor: Option<Actor>,
    pub(super) from: Option<At>,
    pub(super) to: Option<At>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    Exactly(String),
    /// From the first text to before the second one: a range, because an index can't use a pattern
    /// behind row-level security.
    Within(String, String),
}

impl Action {
    fn read(text: &str) -> Self {
        match text.strip_suffix('.') {
            // `/` is the letter after `.`.
            Some(room) => Self::Within(text.to_owned(), format!("{room}/")),
            None => Self::Exactly(text.to_owned()),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Id(Uuid),
    Kind(String),
}

impl Subject {
    fn read(text: &str) -> Self {
        kinds::read(text).map_or_else(|| Self::Kind(text.to_owned()), Self::Id)
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Actor {
    Id(String),
    Kind(String),
}

impl Actor {
    fn read(text: &str) -> Self {
        if ACTOR_KINDS.contains(&text) { Self::Kind(text.to_owned()) } else { Self::Id(text.to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::MemberId;

    #[test]
    fn a_point_at_the_end_asks_for_a_whole_family() {
        assert_eq!(Action::read("member.removed"), Action::Exactly("member.removed".into()));
        let Action::Within(from, to) = Action::read("member.") else { panic!("a range") };
        assert!(from.as_str() <= "member.changed" && "member.removed" < to.as_str());
        assert!("members.x" >= to.as_str(), "not the longer word");
    }

    #[test]
    fn ids_and_kinds_are_told_apart() {
        let id = MemberId::from(Uuid::from_u128(9));
        assert_eq!(Subject::read(&id.to_string()), Subject::Id(id.uuid()));
        assert_eq!(Subject::read("api_key"), Subject::Kind("api_key".into()));
        assert_eq!(Actor::read("system"), Actor::Kind("system".into()));
        assert_eq!(Actor::read("system:recovery"), Actor::Id("system:recovery".into()));
    }

    #[test]
    fn a_span_runs_forwards() {
        let at = At::UNIX_EPOCH;
        let query = AuditQuery { from: Some(at + chrono::Duration::days(1)), to: Some(at), ..AuditQuery::default() };
        assert_eq!(query.filters().unwrap_err().status, 422);
    }
}
