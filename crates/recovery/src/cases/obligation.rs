//! What a case is about, read from the rooms that know: what is owed, by whom, and how it can be
//! paid.

use std::collections::BTreeMap;

use ::store::Tx;
use billing::methods::{self, MethodState};
use billing::provider::{Action, ProviderRef, TAG_ATTEMPT, TAG_TRANSACTION};
use billing::{RecordedFailure, connections, transactions};
use chrono_tz::Tz;
use crm::{Customer, TimeZone, customers};
use kernel::{AttemptId, Failed, Failure, MailAddress, Money};

use super::Model;
use crate::attempts::Amounts;
use crate::cards;

/// How Stripe's ids begin; any other reference is the merchant's own, which Stripe would refuse.
const CUSTOMER: &str = "cus_";
const INVOICE: &str = "in_";
const INTENT: &str = "pi_";

/// The obligation behind a case.
pub(crate) struct Obligation {
    pub transaction: transactions::Model,
    pub method: Option<methods::Model>,
    pub customer: Option<Customer>,
    connection: Option<connections::Model>,
}

/// Rows that are known already.
#[derive(Default)]
struct Seen {
    method: Option<methods::Model>,
    payer: Option<Customer>,
    connection: Option<connections::Model>,
}

impl Obligation {
    /// Reads it. Whoever goes on to write holds its transaction already: see [`super::locked`].
    pub async fn read(tx: &mut Tx, case: &Model) -> Result<Self, Failure> {
        let found = transactions::find(tx, case.transaction()).await?;
        let transaction = found.ok_or_else(|| Failure::internal("a case without its transaction"))?;
        Self::of(tx, transaction).await
    }

    /// Of a failure that was recorded in this transaction: what billing read or wrote is not read again,
    /// nor the method, where it is still as it was told.
    pub async fn told(tx: &mut Tx, failure: &RecordedFailure, method: Option<&methods::Model>) -> Result<Self, Failure> {
        let seen = Seen { method: method.cloned(), payer: failure.payer.clone(), connection: failure.known_connection.clone() };
        Self::with(tx, failure.obligation.clone(), seen).await
    }

    async fn of(tx: &mut Tx, transaction: transactions::Model) -> Result<Self, Failure> {
        Self::with(tx, transaction, Seen::default()).await
    }

    /// With what was seen already, as far as it is what the transaction names.
    async fn with(tx: &mut Tx, transaction: transactions::Model, seen: Seen) -> Result<Self, Failure> {
        let method = match transaction.payment_method() {
            Some(id) => match seen.method.filter(|known| known.id == id.uuid()) {
                Some(known) => Some(known),
                None => methods::find(tx, id).await?,
            },
            None => None,
        };
        let customer = match transaction.customer() {
            Some(id) => match seen.payer.filter(|known| known.id == id.uuid()) {
                Some(known) => Some(known),
                None => missing_is_none(customers::find(tx, id).await)?,
            },
            None => None,
        };
        let connection = match transaction.connection() {
            Some(id) => match seen.connection.filter(|known| known.id == id.uuid()) {
                Some(known) => Some(known),
                None => missing_is_none(connections::find(tx, id).await)?,
            },
            None => None,
        };
        let connection = connection.filter(|connection| connection.is_active);
        Ok(Self { transaction, method, customer, connection })
    }

    /// Whether there is a connection through which a payer could pay.
    pub fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    /// Whether the provider can be called: without a key we only receive events.
    pub fn has_key(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.api_key.is_some())
    }

    /// The address to write to: the customer's, which is filled from the payment when it was not known.
    pub fn contact(&self) -> Option<MailAddress> {
        self.customer.as_ref()?.email.as_deref()?.parse().ok()
    }

    /// The payer's zone; UTC when nobody told.
    pub fn zone(&self) -> Tz {
        let told = self.customer.as_ref().and_then(|customer| customer.timezone.as_deref());
        told.and_then(|text| text.parse::<TimeZone>().ok()).map_or(Tz::UTC, TimeZone::tz)
    }

    /// What the card is counted by.
    pub fn card(&self) -> Option<String> {
        let method = self.method.as_ref()?;
        cards::key(method.fingerprint.as_deref(), Some(&method.token))
    }

    pub fn network(&self) -> Option<&str> {
        self.method.as_ref()?.network.as_deref()
    }

    pub fn country(&self) -> Option<&str> {
        self.method.as_ref()?.country.as_deref()
    }

    pub fn owed(&self) -> Money {
        self.transaction.owed()
    }

    pub fn amounts(&self) -> Amounts {
        Amounts { due: self.transaction.due(), paid_minor: self.transaction.amount_paid }
    }

    /// Whether the provider could charge without the payer.
    pub fn can_charge(&self) -> bool {
        self.has_key() && self.owed().minor > 0 && self.charge(None).is_some()
    }

    /// What to ask the provider for. The same invoice or intent can succeed only once, so they come
    /// before a new charge; a method that is blocked or out of date is not used at all.
    pub fn charge(&self, attempt: Option<AttemptId>) -> Option<Action> {
        if !self.is_usable() {
            return None;
        }
        let payment_method = self.token();
        match self.question() {
            Some(ProviderRef::Invoice(invoice)) => Some(Action::PayInvoice { invoice, payment_method }),
            Some(ProviderRef::Intent(intent)) if payment_method.is_some() => Some(Action::ConfirmExisting { intent, payment_method }),
            _ => self.new_charge(attempt),
        }
    }

    /// A charge of its own, for an obligation that the provider does not know by name.
    pub fn new_charge(&self, attempt: Option<AttemptId>) -> Option<Action> {
        let payment_method = self.token().filter(|_| self.is_usable())?;
        Some(Action::ChargeOffSession {
            amount: self.owed(),
            customer: self.providers_customer(),
            payment_method,
            tags: self.tags(attempt),
        })
    }

    /// Whether nothing speaks against the method on file.
    fn is_usable(&self) -> bool {
        self.method.as_ref().is_none_or(|method| method.state() == MethodState::Usable)
    }

    fn token(&self) -> Option<String> {
        self.method.as_ref().map(|method| method.token.clone())
    }

    fn providers_customer(&self) -> Option<String> {
        let reference = self.customer.as_ref()?.external_ref.clone()?;
        reference.starts_with(CUSTOMER).then_some(reference)
    }

    fn tags(&self, attempt: Option<AttemptId>) -> BTreeMap<String, String> {
        let mut tags = BTreeMap::from([(TAG_TRANSACTION.to_owned(), self.transaction.transaction_id().to_string())]);
        if let Some(attempt) = attempt {
            tags.insert(TAG_ATTEMPT.to_owned(), attempt.to_string());
        }
        tags
    }

    /// Where the provider can be asked what became of it.
    pub fn question(&self) -> Option<ProviderRef> {
        let refs = self.transaction.refs();
        let invoice = refs.invoice.filter(|id| id.starts_with(INVOICE)).map(ProviderRef::Invoice);
        invoice.or(refs.intent.filter(|id| id.starts_with(INTENT)).map(ProviderRef::Intent))
    }
}

/// What is no longer there is not an error here: the case goes on without it.
fn missing_is_none<T, F>(found: Result<T, Failed<F>>) -> Result<Option<T>, Failure> {
    match found.map_err(Failed::into_failure) {
        Ok(found) => Ok(Some(found)),
        Err(failure) if failure.status == 404 => Ok(None),
        Err(failure) => Err(failure),
    }
}
