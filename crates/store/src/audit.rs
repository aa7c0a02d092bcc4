//! The audit trail: who changed what, from what to what, and through which request. Its rows are
//! written in the transaction of the change and can't be altered through the tenant door.

use serde_json::Value;
use uuid::Uuid;

use crate::{StoreError, TenantSql, Tx};

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

/// Written with every change of anything, so it is plain.
const WRITE: TenantSql = TenantSql::both(
    "insert into audit_log (org_id, id, created_at, action, subject_kind, subject_id, actor_kind, actor_id, before, after, request_id, \
     address) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
);

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
        let (who, now) = (self.who(), self.now());
        let bound = WRITE
            .bind(kernel::chance::uuid_v7(now))
            .bind(now)
            .bind(line.action)
            .bind(line.subject_kind)
            .bind(line.subject_id)
            .bind(who.actor.kind())
            .bind(who.actor.to_string())
            .bind(line.before)
            .bind(line.after)
            .bind(who.request.map(Uuid::from))
            .bind(who.address.clone());
        self.sql_late(bound).await
    }
}
