//! The outbox: events are written in the transaction of the change itself, so that an event exists
//! if and only if the change was kept.

use futures::future::BoxFuture;
use kernel::{At, Event, EventId, Failure, OrgId};
use uuid::Uuid;

use crate::{TenantSql, Tx};

/// A listener may emit in turn; this deep it is a circle, not a chain.
const TELLING_MAX: u8 = 8;

/// One stored event: the table `outbox`.
pub mod row {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "outbox")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub org_id: Uuid,
        pub created_at: DateTimeUtc,
        pub name: String,
        pub subject: Uuid,
        pub payload: Json,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

crate::org_scoped!(append_only row);

/// Written with every change of anything, so it is plain.
const KEEP: TenantSql =
    TenantSql::both("insert into outbox (org_id, id, created_at, name, subject, payload) values ($1, $2, $3, $4, $5, $6)");

/// An event as it was stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    pub id: EventId,
    pub name: String,
    pub org: OrgId,
    /// The row that it happened to.
    pub subject: Uuid,
    pub at: At,
    pub payload: serde_json::Value,
}

impl From<row::Model> for StoredEvent {
    fn from(row: row::Model) -> Self {
        Self { id: row.id.into(), name: row.name, org: row.org_id.into(), subject: row.subject, at: row.created_at, payload: row.payload }
    }
}

/// Who is told of events inside the transaction. The room above runs its in-transaction listeners
/// here and starts one durable run for each listener that waits for the commit.
pub trait Listeners: Send + Sync {
    fn dispatch<'a>(&'a self, tx: &'a mut Tx, event: &'a StoredEvent) -> BoxFuture<'a, Result<(), Failure>>;
}

impl Tx {
    /// Says that something happened: stores it, and tells the listeners in this transaction.
    pub async fn emit<E: Event>(&mut self, event: &E) -> Result<EventId, Failure> {
        let stored = StoredEvent {
            id: EventId::new(self.now()),
            name: E::NAME.to_owned(),
            org: self.org(),
            subject: event.subject(),
            at: self.now(),
            payload: serde_json::to_value(event).map_err(Failure::internal)?,
        };
        self.sql(KEEP.bind(stored.id.uuid()).bind(stored.at).bind(E::NAME).bind(stored.subject).bind(stored.payload.clone())).await?;
        if let Some(listeners) = self.store().listeners() {
            if self.telling >= TELLING_MAX {
                return Err(Failure::internal(format!("listeners of {} go round in a circle", E::NAME)));
            }
            self.telling += 1;
            let told = listeners.dispatch(self, &stored).await;
            self.telling -= 1;
            told?;
        }
        Ok(stored.id)
    }
}
