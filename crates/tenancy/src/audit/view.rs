//! A line of the trail as people see it.

use std::collections::HashMap;

use kernel::{At, RequestId};
use serde::Serialize;
use store::audit::line::Model;
use utoipa::ToSchema;
use uuid::Uuid;

use super::kinds;

kernel::id!(/// A line of the audit trail.
    pub struct AuditLineId("aud"));

/// Who did what to what, when and from where.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AuditLineView {
    pub id: AuditLineId,
    #[schema(value_type = String, format = DateTime)]
    pub at: At,
    #[schema(example = "member.removed")]
    pub action: String,
    pub subject: AuditSubject,
    pub actor: AuditActor,
    /// What it was.
    #[schema(value_type = Option<Object>)]
    pub before: Option<serde_json::Value>,
    /// What it became.
    #[schema(value_type = Option<Object>)]
    pub after: Option<serde_json::Value>,
    pub request_id: Option<RequestId>,
    /// The network address that the request came from.
    pub address: Option<String>,
}

/// What something was done to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AuditSubject {
    #[schema(example = "member")]
    pub kind: String,
    pub id: String,
}

/// Who did it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AuditActor {
    /// `account`, `api_key`, `payer` or `system`.
    pub kind: String,
    pub id: String,
    /// For people: a member's or a key's name, or words for what has none.
    pub name: String,
}

/// The names that a page of lines needs: of accounts and of keys, by their bare ids.
#[derive(Default)]
pub(super) struct Names {
    pub accounts: HashMap<Uuid, String>,
    pub keys: HashMap<Uuid, String>,
}

impl Names {
    fn of(&self, kind: &str, id: &str) -> String {
        let bare = kinds::read(id).unwrap_or_default();
        match kind {
            "account" => self.accounts.get(&bare).cloned().unwrap_or_else(|| "A former member".to_owned()),
            "api_key" => self.keys.get(&bare).map_or_else(|| "An API key".to_owned(), |name| format!("API key {name}")),
            "payer" => "A payer".to_owned(),
            _ => id.strip_prefix("system:").map_or_else(|| "The system".to_owned(), |part| format!("The system ({part})")),
        }
    }
}

impl AuditLineView {
    pub(super) fn with(names: &Names, row: Model) -> Self {
        let name = names.of(&row.actor_kind, &row.actor_id);
        Self {
            id: row.id.into(),
            at: row.created_at,
            action: row.action,
            subject: AuditSubject { id: kinds::show(&row.subject_kind, row.subject_id), kind: row.subject_kind },
            actor: AuditActor { kind: row.actor_kind, id: row.actor_id, name },
            before: row.before,
            after: row.after,
            request_id: row.request_id.map(RequestId::from),
            address: row.address,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::AccountId;

    #[test]
    fn everybody_who_acts_has_a_name() {
        let ann = AccountId::from(Uuid::from_u128(1));
        let names = Names { accounts: HashMap::from([(ann.uuid(), "Ann".to_owned())]), keys: HashMap::new() };
        assert_eq!(names.of("account", &ann.to_string()), "Ann");
        assert_eq!(names.of("account", &AccountId::from(Uuid::nil()).to_string()), "A former member");
        assert_eq!(names.of("system", "system:recovery"), "The system (recovery)");
        assert_eq!(names.of("payer", "lnk_00000000000000000000000000"), "A payer");
    }
}
