//! What an event changes.
//!
//! Events come twice and in any order, and the result is always the same: a failure opens its
//! obligation; everything else waits in quarantine until the obligation is known; money is
//! absorbing.

use kernel::{Failure, LinkId, TransactionId};
use store::Tx;
use uuid::Uuid;

use super::provider_event::reason;
use super::{Sink, checkout, failing, payer};
use crate::event::Via;
use crate::methods;
use crate::provider::{EventKind, ProviderEvent, Refs, TAG_ATTEMPT, TAG_LINK};
use crate::transactions::{self, NewReceipt, Received, Source};

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Applied(Option<TransactionId>),
    Ignored(&'static str, Option<TransactionId>),
    Quarantined,
    Failed(&'static str, Option<TransactionId>),
}

impl Verdict {
    pub(super) fn transaction(self) -> Option<TransactionId> {
        match self {
            Self::Applied(transaction) | Self::Ignored(_, transaction) | Self::Failed(_, transaction) => transaction,
            Self::Quarantined => None,
        }
    }
}

/// Where an event is applied.
pub(super) struct Scene<'a> {
    pub source: &'a Source,
    pub sink: Option<&'a Sink>,
    pub event_row: Uuid,
}

/// Applies one event.
pub(super) async fn apply(tx: &mut Tx, scene: &Scene<'_>, event: &ProviderEvent) -> Result<Verdict, Failure> {
    match event.kind {
        EventKind::PaymentFailed => failing::failed(tx, scene, event).await,
        EventKind::PaymentSucceeded => succeeded(tx, scene, event).await,
        EventKind::CheckoutCompleted { paid: true } => checkout::completed(tx, scene, event).await,
        EventKind::CheckoutCompleted { paid: false } => checkout::awaiting(tx, scene, event).await,
        EventKind::CheckoutExpired => checkout::expired(tx, event).await,
        EventKind::ObligationVoided => voided(tx, scene, event).await,
        EventKind::Refunded => refunded(tx, scene, event).await,
        EventKind::MethodUpdated => method_updated(tx, scene, event).await,
        EventKind::Unknown => Ok(Verdict::Ignored(reason::UNKNOWN_TYPE, None)),
    }
}

/// The obligation of an event, held: by its own ids, else by the mark that our checkout left on it.
pub(super) async fn parent(tx: &mut Tx, scene: &Scene<'_>, event: &ProviderEvent) -> Result<Option<transactions::Model>, Failure> {
    if let Some(known) = transactions::by_refs(tx, &scene.source.key(), &event.refs).await? {
        return Ok(Some(known));
    }
    let tagged = event.tags.get(crate::provider::TAG_TRANSACTION).and_then(|id| id.parse::<TransactionId>().ok());
    match tagged {
        Some(id) => Ok(transactions::hold(tx, id).await?.filter(|known| known.source == scene.source.key())),
        None => Ok(None),
    }
}

pub(super) async fn succeeded(tx: &mut Tx, scene: &Scene<'_>, event: &ProviderEvent) -> Result<Verdict, Failure> {
    let Some(transaction) = parent(tx, scene, event).await? else { return Ok(Verdict::Quarantined) };
    let id = transaction.transaction_id();
    let (Some(amount), Some(money_key)) = (event.money.filter(|money| money.minor > 0), event.refs.money_key()) else {
        return Ok(Verdict::Ignored(reason::INCOMPLETE, Some(id)));
    };
    // An invoice without a payment was marked as paid by hand or by us: no second money moved.
    let moved = event.refs.intent.is_some() || event.refs.charge.is_some();
    if !moved && !transaction.state().is_owed() {
        return Ok(Verdict::Ignored(reason::NOTHING_NEW, Some(id)));
    }
    let new = NewReceipt {
        money_key: money_key.to_owned(),
        amount,
        via: via(event),
        received_at: event.occurred_at,
        attempt: event.tags.get(TAG_ATTEMPT).cloned(),
        link: link(event),
        refs: event.refs.clone(),
    };
    let customer = payer::customer(tx, &event.customer).await?;
    let transaction = transactions::add_refs(tx, transaction, &event.refs, customer).await?;
    Ok(match transactions::receive(tx, transaction, new).await? {
        Some(Received { receipt: Some(_), .. }) => Verdict::Applied(Some(id)),
        Some(Received { receipt: None, .. }) => Verdict::Ignored(reason::NOTHING_NEW, Some(id)),
        None => Verdict::Failed(reason::CURRENCY_DIFFERS, Some(id)),
    })
}

fn via(event: &ProviderEvent) -> Via {
    if event.tags.contains_key(TAG_ATTEMPT) {
        Via::Retry
    } else if event.is_of_our_checkout() {
        Via::Link
    } else {
        Via::Provider
    }
}

pub(super) fn link(event: &ProviderEvent) -> Option<LinkId> {
    event.tags.get(TAG_LINK).and_then(|id| id.parse().ok())
}

async fn voided(tx: &mut Tx, scene: &Scene<'_>, event: &ProviderEvent) -> Result<Verdict, Failure> {
    // A session that expires cancels its own intent; the obligation behind it is still owed.
    if event.is_of_our_checkout() {
        return Ok(Verdict::Ignored(reason::NOTHING_NEW, None));
    }
    let Some(transaction) = parent(tx, scene, event).await? else { return Ok(Verdict::Quarantined) };
    let id = transaction.transaction_id();
    // An intent that is given up does not end its invoice, which may be paid with another one.
    if event.refs.invoice.is_none() && transaction.refs().invoice.is_some() {
        return Ok(Verdict::Ignored(reason::NOTHING_NEW, Some(id)));
    }
    let changed = transactions::void(tx, transaction).await?;
    Ok(if changed { Verdict::Applied(Some(id)) } else { Verdict::Ignored(reason::NOTHING_NEW, Some(id)) })
}

async fn refunded(tx: &mut Tx, scene: &Scene<'_>, event: &ProviderEvent) -> Result<Verdict, Failure> {
    let Some(transaction) = parent(tx, scene, event).await? else { return Ok(Verdict::Quarantined) };
    let id = transaction.transaction_id();
    let Some(sum) = event.money else { return Ok(Verdict::Ignored(reason::INCOMPLETE, Some(id))) };
    // Only ids of the money itself: an invoice may have had several payments.
    let of = Refs { intent: event.refs.intent.clone(), charge: event.refs.charge.clone(), ..Refs::default() };
    Ok(match transactions::record_refund(tx, transaction, &of, sum).await? {
        Some(_) => Verdict::Applied(Some(id)),
        None => Verdict::Quarantined,
    })
}

async fn method_updated(tx: &mut Tx, scene: &Scene<'_>, event: &ProviderEvent) -> Result<Verdict, Failure> {
    let Some(facts) = &event.method else { return Ok(Verdict::Ignored(reason::INCOMPLETE, None)) };
    let customer = payer::customer(tx, &event.customer).await?;
    methods::remember(tx, &scene.source.key(), facts, customer).await?;
    Ok(Verdict::Applied(None))
}
