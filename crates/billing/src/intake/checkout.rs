//! Events of checkout sessions, which payment links open.

use kernel::{Failure, TransactionId};
use store::Tx;

use super::apply::{Scene, Verdict, link, parent, succeeded};
use super::provider_event::reason;
use crate::links::{self, Visit};
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
    if let Some(visit) = visit(event) {
        links::session_processing(tx, &visit).await?;
    }
    Ok(Verdict::Applied(Some(transaction.transaction_id())))
}

/// The payer went away.
pub(super) async fn expired(tx: &mut Tx, event: &ProviderEvent) -> Result<Verdict, Failure> {
    let Some(visit) = visit(event) else { return Ok(Verdict::Ignored(reason::INCOMPLETE, None)) };
    Ok(released(links::session_expired(tx, &visit).await?))
}

/// The money did not come after all.
pub(super) async fn failed(tx: &mut Tx, event: &ProviderEvent) -> Result<Verdict, Failure> {
    let Some(visit) = visit(event) else { return Ok(Verdict::Ignored(reason::INCOMPLETE, None)) };
    Ok(released(links::session_failed(tx, &visit).await?))
}

fn visit(event: &ProviderEvent) -> Option<Visit<'_>> {
    let session = event.refs.session.as_deref()?;
    Some(Visit { session, link: link(event), told_at: event.occurred_at })
}

fn released(transaction: Option<TransactionId>) -> Verdict {
    match transaction {
        Some(transaction) => Verdict::Applied(Some(transaction)),
        None => Verdict::Ignored(reason::NOTHING_NEW, None),
    }
}
