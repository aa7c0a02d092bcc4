//! The outbox: events are written in the transaction of the change itself, so that an event exists
//! if and only if the change was kept.

use futures::future::BoxFuture;
use kernel::{At, Event, EventId, Failure, OrgId};
use uuid::Uuid;

use crate::{StoreError, System, SystemSql, TenantSql, Tx};

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
        let row = KEEP.bind(stored.id.uuid()).bind(stored.at).bind(E::NAME).bind(stored.subject).bind(stored.payload.clone());
        self.sql_late(row).await?;
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

/// The id begins with the instant of the event, so its own index leads to the oldest rows.
const SWEEP: SystemSql = SystemSql::both("delete from outbox where id in (select id from outbox where id < $1 order by id limit $2)");

impl System {
    /// Removes at most `limit` events from before an instant, the oldest first; counts them. The
    /// listeners of an event got it when it was told, and a run that still waits carries its own copy.
    pub async fn sweep_outbox(&mut self, before: At, limit: u64) -> Result<u64, StoreError> {
        self.sql(SWEEP.bind(first_id_at(before)).bind(i64::try_from(limit).unwrap_or(i64::MAX))).await
    }
}

/// No id that was made at this instant or later sorts before this one (RFC 9562, 5.7: the first 48
/// bits are the milliseconds).
fn first_id_at(at: At) -> Uuid {
    Uuid::from_u128(u128::try_from(at.timestamp_millis()).unwrap_or(0) << 80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_splits_the_ids_made_before_it_from_those_made_after() {
        let at: At = "2026-03-01T12:00:00Z".parse().unwrap();
        let bound = first_id_at(at);
        for _ in 0..100 {
            assert!(EventId::new(at - chrono::Duration::milliseconds(1)).uuid() < bound);
            assert!(EventId::new(at).uuid() >= bound);
        }
    }
}
