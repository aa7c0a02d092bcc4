//! The audit trail: who changed what, from what to what, and through which request. Its rows are
//! written in the transaction of the change and can't be altered through the tenant door.

use sea_orm::ActiveValue::Set;
use serde_json::Value;
use uuid::Uuid;

use crate::{StoreError, Tx};

/// One line of the trail: the table `audit_log`.
pub mod line {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_log")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub org_id: Uuid,
        pub created_at: DateTimeUtc,
        pub action: String,
        pub subject_kind: String,
        pub subject_id: Uuid,
        pub actor_kind: String,
        /// The actor's id as it is shown (`usr_…`), or `system:` and the part of the program.
        pub actor_id: String,
        pub before: Option<Json>,
        pub after: Option<Json>,
        pub request_id: Option<Uuid>,
        pub address: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

crate::org_scoped!(append_only line);

/// What is to be written down.
#[derive(Debug, Clone)]
#[must_use = "hand it to Tx::audit"]
pub struct AuditLine {
    action: &'static str,
    subject_kind: &'static str,
    subject_id: Uuid,
    before: Option<Value>,
    after: Option<Value>,
}

impl AuditLine {
    /// `AuditLine::new("customer.archived", "customer", id)`
    pub fn new(action: &'static str, subject_kind: &'static str, subject: impl Into<Uuid>) -> Self {
        Self { action, subject_kind, subject_id: subject.into(), before: None, after: None }
    }

    /// What it was, without secrets.
    pub fn before(self, before: impl Into<Value>) -> Self {
        Self { before: Some(before.into()), ..self }
    }

    /// What it is now, without secrets.
    pub fn after(self, after: impl Into<Value>) -> Self {
        Self { after: Some(after.into()), ..self }
    }
}

impl Tx {
    /// Writes a line of the audit trail, with the actor and the request of this transaction.
    pub async fn audit(&mut self, line: AuditLine) -> Result<(), StoreError> {
        let who = self.who().clone();
        self.insert_quiet(line::ActiveModel {
            action: Set(line.action.to_owned()),
            subject_kind: Set(line.subject_kind.to_owned()),
            subject_id: Set(line.subject_id),
            actor_kind: Set(who.actor.kind().to_owned()),
            actor_id: Set(who.actor.to_string()),
            before: Set(line.before),
            after: Set(line.after),
            request_id: Set(who.request.map(Into::into)),
            address: Set(who.address),
            ..Default::default()
        })
        .await
    }
}
