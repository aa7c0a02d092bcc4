//! What was done for a case, counted on its row in the transaction that does it: the numbers of a
//! cohort then come from one index over cases. Nothing else reads these columns, so the entity does
//! without them.

use ::store::{StoreError, TenantSql, Tx};
use kernel::CaseId;

const ATTEMPT: TenantSql = TenantSql::both(
    "update cases set attempts_sent = attempts_sent + $3, attempts_succeeded = attempts_succeeded + $4 where org_id = $1 and id = $2",
);

/// So many attempts more were sent, and so many more of them succeeded; fewer when one turns out never
/// to have been sent.
pub(crate) async fn tally_attempt(tx: &mut Tx, case: CaseId, sent: i32, succeeded: i32) -> Result<(), StoreError> {
    tx.sql(ATTEMPT.bind(case.uuid()).bind(sent).bind(succeeded)).await.map(drop)
}

const MESSAGE: TenantSql = TenantSql::both("update cases set messages_sent = messages_sent + 1 where org_id = $1 and id = $2");

/// One message more was handed to the mail room.
pub(crate) async fn tally_message(tx: &mut Tx, case: CaseId) -> Result<(), StoreError> {
    tx.sql(MESSAGE.bind(case.uuid())).await.map(drop)
}
