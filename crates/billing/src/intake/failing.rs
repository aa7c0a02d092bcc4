//! A reported failure: the obligation becomes known, the decline is recorded, recovery hears of it.

use crm::Customer;
use kernel::{CustomerId, Failure, PaymentMethodId};
use store::Tx;

use super::apply::{Scene, Verdict, parent};
use super::provider_event::reason;
use super::sink::{Opened, RecordedFailure};
use super::{Sink, payer};
use crate::connections;
use crate::event::Attention;
use crate::methods;
use crate::provider::{ProviderEvent, TAG_ATTEMPT};
use crate::transactions::{self, Failing, FailureRow, NewFailure, NewTransaction};

/// A failure of a provider.
pub(super) async fn failed(tx: &mut Tx, scene: &Scene<'_>, event: &ProviderEvent) -> Result<Verdict, Failure> {
    let Some(told) = record(tx, scene, event, report_of(event)).await? else {
        return Ok(Verdict::Ignored(reason::INCOMPLETE, None));
    };
    let id = told.transaction.transaction_id();
    Ok(match told.outcome {
        Outcome::CurrencyDiffers => Verdict::Failed(reason::CURRENCY_DIFFERS, Some(id)),
        Outcome::NothingNew => Verdict::Ignored(reason::NOTHING_NEW, Some(id)),
        Outcome::Recorded(_) => Verdict::Applied(Some(id)),
    })
}

/// How a failure is named where its charge is not known.
fn report_of(event: &ProviderEvent) -> String {
    if event.refs.invoice.is_some() && event.refs.charge.is_none() {
        format!("{}{}", transactions::ECHO, event.id)
    } else {
        event.id.clone()
    }
}

/// What came of a failure.
pub(super) struct Told {
    pub transaction: transactions::Model,
    pub outcome: Outcome,
}

pub(super) enum Outcome {
    /// Recorded, and what recovery made of it, if it is there.
    Recorded(Option<Opened>),
    NothingNew,
    CurrencyDiffers,
}

/// Records a failure. `None` when the event names no payment or no amount.
pub(super) async fn record(tx: &mut Tx, scene: &Scene<'_>, event: &ProviderEvent, report: String) -> Result<Option<Told>, Failure> {
    let Some(Opening { transaction, is_new, payer }) = opened(tx, scene, event).await? else { return Ok(None) };
    if let Some(due) = event.money.filter(|due| due.currency.code() != transaction.currency) {
        let text = format!("A failure over {due} was told for a payment in {}. It was not recorded.", transaction.currency);
        transactions::attention(tx, &transaction, Attention::ToldInOtherCurrency, event.id.clone(), text).await?;
        return Ok(Some(Told { transaction, outcome: Outcome::CurrencyDiffers }));
    }
    let customer = transaction.customer();
    let method = match &event.method {
        Some(facts) => Some(methods::meet(tx, &transaction.source, facts, customer).await?),
        None => None,
    };
    let new = NewFailure {
        occurred_at: event.occurred_at,
        due: event.money,
        decline: event.decline.clone().unwrap_or_default(),
        method: method.as_ref().map(|row| PaymentMethodId::from(row.id)),
        charge: event.refs.charge.clone(),
        report,
        event_row: Some(scene.event_row),
    };
    let failing = if event.is_of_our_checkout() {
        transactions::fail_in_checkout(tx, transaction, new).await?
    } else {
        transactions::fail(tx, transaction, new).await?
    };
    Ok(Some(match failing {
        Failing::Absorbed(transaction) | Failing::Known(transaction, _) => Told { transaction, outcome: Outcome::NothingNew },
        Failing::Recorded(transaction, row) => {
            note(tx, &transaction, &row).await?;
            let met = Met { is_new, payer, method, connection: scene.connection.cloned() };
            let opened = tell(tx, scene.sink, recorded(&transaction, &row, event, met), row).await?;
            Told { transaction, outcome: Outcome::Recorded(opened) }
        }
    }))
}

/// The obligation of a failure.
struct Opening {
    transaction: transactions::Model,
    /// Nobody told of it before.
    is_new: bool,
    /// Who is to pay, as far as the event says.
    payer: Option<Customer>,
}

/// The obligation, known or new. A charge of our own checkout never makes one.
async fn opened(tx: &mut Tx, scene: &Scene<'_>, event: &ProviderEvent) -> Result<Option<Opening>, Failure> {
    let payer = payer::met(tx, &event.customer).await?;
    let customer = payer.as_ref().map(Customer::customer_id);
    if let Some(known) = parent(tx, scene, event).await? {
        let transaction = transactions::add_refs(tx, known, &event.refs, customer).await?;
        return Ok(Some(Opening { transaction, is_new: false, payer }));
    }
    let (Some(key), Some(due)) = (event.obligation_key(), event.money.filter(|due| due.minor > 0)) else { return Ok(None) };
    let new = NewTransaction { source: scene.source.clone(), obligation_key: key.to_owned(), refs: event.refs.clone(), due, customer };
    let (transaction, is_new) = transactions::open(tx, new).await?;
    Ok(Some(Opening { transaction, is_new, payer }))
}

/// Whom and what a failure is about, as far as it was read or written on the way.
struct Met {
    is_new: bool,
    payer: Option<Customer>,
    method: Option<methods::Model>,
    connection: Option<connections::Model>,
}

fn recorded(transaction: &transactions::Model, row: &FailureRow, event: &ProviderEvent, met: Met) -> RecordedFailure {
    let told = met.method.clone();
    let (network, fingerprint, token) = told.map(|row| (row.network, row.fingerprint, Some(row.token))).unwrap_or_default();
    RecordedFailure {
        transaction: transaction.transaction_id(),
        failure: row.id,
        reference: transaction.obligation_key.clone(),
        connection: transaction.connection(),
        gateway: transaction.gateway.clone(),
        refs: event.refs.clone(),
        owed: transaction.owed(),
        failed_at: row.occurred_at,
        decline: row.raw_decline(),
        network,
        customer: transaction.customer_id.map(CustomerId::from),
        method: row.payment_method_id.map(PaymentMethodId::from),
        fingerprint,
        token,
        provider_retry_at: event.retry_at,
        is_latest: transaction.failed_at == Some(row.occurred_at),
        in_checkout: event.is_of_our_checkout(),
        attempt: event.tags.get(TAG_ATTEMPT).cloned(),
        is_new: met.is_new,
        obligation: transaction.clone(),
        known_method: met.method,
        payer: met.payer,
        known_connection: met.connection,
    }
}

/// Recovery hears of it, and its case is kept with the failure.
async fn tell(tx: &mut Tx, sink: Option<&Sink>, failure: RecordedFailure, row: FailureRow) -> Result<Option<Opened>, Failure> {
    let Some(sink) = sink else { return Ok(None) };
    let opened = sink.tell(tx, &failure).await?;
    transactions::set_case(tx, row, opened.case_id).await?;
    Ok(Some(opened))
}

async fn note(tx: &mut Tx, transaction: &transactions::Model, row: &FailureRow) -> Result<(), Failure> {
    let Some(customer) = transaction.customer() else { return Ok(()) };
    let decline = row.raw_decline();
    let why = decline.decline_code.or(decline.code).map(|code| format!(": {}", code.replace('_', " "))).unwrap_or_default();
    let entry = crm::Entry {
        kind: "payment.failed",
        text: format!("A payment of {} failed{why}", transaction.owed()),
        subject: Some(transaction.transaction_id().to_string()),
        at: row.occurred_at,
    };
    Ok(crm::timeline::note(tx, customer, entry).await?)
}
