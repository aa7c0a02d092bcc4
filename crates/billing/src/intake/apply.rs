//! What an event changes.
//!
//! Events come twice and in any order, and the result is always the same: a failure opens its
//! obligation; everything else waits in quarantine until the obligation is known; money is
//! absorbing.

use kernel::{Failure, LinkId, Money, TransactionId};
use store::Tx;
use uuid::Uuid;

use super::provider_event::reason;
use super::{Sink, checkout, failing, payer};
use crate::event::Via;
use crate::provider::{EventKind, Payment, ProviderEvent, Refs, TAG_ATTEMPT, TAG_LINK};
use crate::transactions::{self, NewReceipt, Received, Refunding, Source};
use crate::{connections, methods};

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
    /// The connection of the source, where it was read on the way here.
    pub connection: Option<&'a connections::Model>,
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
        EventKind::CheckoutFailed => checkout::failed(tx, event).await,
        EventKind::ObligationVoided | EventKind::IntentCanceled => voided(tx, scene, event).await,
        EventKind::DisputeOpened => disputed(tx, scene, event).await,
        EventKind::Refunded => refunded(tx, scene, event).await,
        EventKind::MethodUpdated => method_updated(tx, scene, event).await,
        EventKind::Unknown => Ok(Verdict::Ignored(reason::UNKNOWN_TYPE, None)),
    }
}

/// The obligation of an event, held: by its own ids, else by the mark that our checkout left on it.
pub(super) async fn parent(tx: &mut Tx, scene: &Scene<'_>, event: &ProviderEvent) -> Result<Option<transactions::Model>, Failure> {
    let names: Vec<&str> = event.refs.all().collect();
    if let Some(known) = transactions::by_refs(tx, scene.source, &names).await? {
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
    let customer = payer::customer(tx, &event.customer).await?;
    let mut transaction = transactions::add_refs(tx, transaction, &event.refs, customer).await?;
    let mut verdict = None;
    for payment in std::iter::once(Payment { refs: event.refs.clone(), money: event.money }).chain(event.further.clone()) {
        let came;
        (transaction, came) = booked(tx, transaction, event, payment).await?;
        // What was applied is not undone by a payment beside it that was known before.
        if !matches!(verdict, Some(Verdict::Applied(_))) {
            verdict = Some(came);
        }
    }
    Ok(verdict.unwrap_or(Verdict::Ignored(reason::INCOMPLETE, Some(id))))
}

/// Books one movement of money of an event.
async fn booked(
    tx: &mut Tx,
    transaction: transactions::Model,
    event: &ProviderEvent,
    payment: Payment,
) -> Result<(transactions::Model, Verdict), Failure> {
    let id = Some(transaction.transaction_id());
    let (Some(told), Some(money_key)) = (payment.money.filter(|money| money.minor > 0), payment.refs.money_key()) else {
        return Ok((transaction, Verdict::Ignored(reason::INCOMPLETE, id)));
    };
    // An invoice without a payment was marked as paid by hand or by us: no second money moved, and
    // there is nothing that could be given back.
    let moved = payment.refs.intent.is_some() || payment.refs.charge.is_some();
    let amount = if moved { told } else { Money::new(told.minor.min(transaction.owed().minor), told.currency) };
    if amount.minor <= 0 {
        return Ok((transaction, Verdict::Ignored(reason::NOTHING_NEW, id)));
    }
    let new = NewReceipt {
        money_key: money_key.to_owned(),
        amount,
        via: via(event),
        received_at: event.occurred_at,
        attempt: event.tags.get(TAG_ATTEMPT).cloned(),
        link: link(event),
        refs: payment.refs.clone(),
    };
    let transaction = transactions::add_refs(tx, transaction, &payment.refs, None).await?;
    Ok(match transactions::receive(tx, transaction.clone(), new).await? {
        Some(Received { receipt: Some(_), transaction }) => (transaction, Verdict::Applied(id)),
        Some(Received { receipt: None, transaction }) => (transaction, Verdict::Ignored(reason::NOTHING_NEW, id)),
        None => (transaction, Verdict::Failed(reason::CURRENCY_DIFFERS, id)),
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
    let has_invoice = event.refs.invoice.is_some() || transaction.refs().invoice.is_some();
    if event.kind == EventKind::IntentCanceled && has_invoice {
        return Ok(Verdict::Ignored(reason::NOTHING_NEW, Some(id)));
    }
    let changed = transactions::void(tx, transaction).await?;
    Ok(if changed { Verdict::Applied(Some(id)) } else { Verdict::Ignored(reason::NOTHING_NEW, Some(id)) })
}

async fn disputed(tx: &mut Tx, scene: &Scene<'_>, event: &ProviderEvent) -> Result<Verdict, Failure> {
    let Some(transaction) = parent(tx, scene, event).await? else { return Ok(Verdict::Quarantined) };
    let id = transaction.transaction_id();
    // Nobody disputes what was not paid: the report of the payment is still on its way.
    if transaction.state().is_owed() && transaction.amount_paid == 0 {
        return Ok(Verdict::Quarantined);
    }
    let changed = transactions::dispute(tx, transaction).await?;
    Ok(if changed { Verdict::Applied(Some(id)) } else { Verdict::Ignored(reason::NOTHING_NEW, Some(id)) })
}

async fn refunded(tx: &mut Tx, scene: &Scene<'_>, event: &ProviderEvent) -> Result<Verdict, Failure> {
    let Some(transaction) = parent(tx, scene, event).await? else { return Ok(Verdict::Quarantined) };
    let id = transaction.transaction_id();
    let Some(sum) = event.money else { return Ok(Verdict::Ignored(reason::INCOMPLETE, Some(id))) };
    // Only ids of the money itself: an invoice may have had several payments.
    let of = Refs { intent: event.refs.intent.clone(), charge: event.refs.charge.clone(), ..Refs::default() };
    Ok(match transactions::record_refund(tx, transaction, &of, sum).await? {
        Refunding::UnknownMoney => Verdict::Quarantined,
        Refunding::Recorded => Verdict::Applied(Some(id)),
        Refunding::NothingNew => Verdict::Ignored(reason::NOTHING_NEW, Some(id)),
        Refunding::OtherCurrency => Verdict::Failed(reason::CURRENCY_DIFFERS, Some(id)),
        Refunding::TooLarge => Verdict::Failed(reason::REFUND_TOO_LARGE, Some(id)),
    })
}

async fn method_updated(tx: &mut Tx, scene: &Scene<'_>, event: &ProviderEvent) -> Result<Verdict, Failure> {
    let Some(facts) = &event.method else { return Ok(Verdict::Ignored(reason::INCOMPLETE, None)) };
    let customer = payer::customer(tx, &event.customer).await?;
    methods::remember(tx, &scene.source.key(), facts, customer).await?;
    Ok(Verdict::Applied(None))
}
