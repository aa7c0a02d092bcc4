//! Locks by name: what is counted over several rows is held while the last place is taken.

use ::store::{StoreError, TenantSql, Tx};

/// One lock for each name in an organization, held to the end of the transaction. Locking the rows
/// themselves would deadlock with whoever adds one in between. An embedded database has one writer
/// and needs none. It shows no row to anybody.
const LOCK: TenantSql = TenantSql::per_engine(
    "select $1, $2 where 1 = 0",
    "select $1, held.lock from (select pg_advisory_xact_lock(hashtextextended($1::text || $2, 0))::text as lock offset 0) held \
     where held.lock is null",
);

/// Holds what is counted under this name: a card, or a mailbox that is written to.
pub(crate) async fn take(tx: &mut Tx, name: &str) -> Result<(), StoreError> {
    tx.sql(LOCK.bind(name)).await.map(drop)
}
