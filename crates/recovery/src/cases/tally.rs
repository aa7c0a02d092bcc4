//! What was done for a case, counted on its row in the transaction that does it: the numbers of a
//! cohort then come from one index over cases. Nothing else reads these columns, so the entity does
//! without them.
//!
//! It is counted anew from the rows and not added up. An older release that serves beside this one
//! counts nothing, and what it did is set right with the case's next step, or by night
//! ([`super::recount`]) where none follows.

use ::store::{StoreError, TenantSql, Tx};
use kernel::CaseId;

const COUNT: TenantSql = TenantSql::both(
    "update cases set \
     attempts_sent = (select count(*) from attempts a where a.org_id = $1 and a.case_id = $2 and a.submitted_at is not null \
       and a.state <> 'cancelled'), \
     attempts_succeeded = (select count(*) from attempts a where a.org_id = $1 and a.case_id = $2 and a.submitted_at is not null \
       and a.state = 'succeeded'), \
     messages_sent = (select count(*) from messages m where m.org_id = $1 and m.case_id = $2 and m.queued_at is not null \
       and m.state <> 'skipped') \
     where org_id = $1 and id = $2",
);

/// Counts the attempts that were sent for a case, those that succeeded, and the messages that were written
/// and not taken back unsent. Asked for after each change of them; whoever changes them holds the case.
pub(crate) async fn tally(tx: &mut Tx, case: CaseId) -> Result<(), StoreError> {
    tx.sql(COUNT.bind(case.uuid())).await.map(drop)
}
