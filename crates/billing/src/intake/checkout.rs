//! Events of checkout sessions, which payment links open.

use kernel::Failure;
use store::Tx;

use super::apply::{Scene, Verdict, link, parent, succeeded};
use super::provider_event::reason;
use crate::links;
use crate::provider::ProviderEvent;

/// The session was paid.
pub(super) async fn completed(tx: &mut Tx, scene: &Scene<'_>, event: &ProviderEvent) -> Result<Verdict, Failure> {
    succeeded(tx, scene, event).await
}

/// The payer is done, but the money is not there yet (a bank debit takes days): the link stays
/// taken, so that nobody pays twice meanwhile.
pub(super) async fn awaiting(tx: &mut Tx, scene: &Scene<'_>, event: &ProviderEvent) -> Result<Verdict, Failure> {
    let Some(transaction) = parent(tx, scene, event).await? else { return Ok(Verdict::Quarantined) };
    let transaction = crate::transactions::add_refs(tx, transaction, &event.refs, None).await?;
    Ok(Verdict::Applied(Some(transaction.transaction_id())))
}

/// The payer went away.
pub(super) async fn expired(tx: &mut Tx, event: &ProviderEvent) -> Result<Verdict, Failure> {
    let Some(session) = &event.refs.session else { return Ok(Verdict::Ignored(reason::INCOMPLETE, None)) };
    let transaction = links::session_expired(tx, session, link(event)).await?;
    Ok(match transaction {
        Some(transaction) => Verdict::Applied(Some(transaction)),
        None => Verdict::Ignored(reason::NOTHING_NEW, None),
    })
}
