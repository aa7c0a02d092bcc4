//! The verbs that only read, and the line in the customer's story.

use ::store::Tx;
use billing::transactions;
use crm::timeline;
use kernel::{After, CaseId, CustomerId, Failed, Failure, Limit, Page, TransactionId};

use super::{CaseFault, CaseState, Model, store};

type Result<T, E = Failed<CaseFault>> = std::result::Result<T, E>;

/// The case, if it is this organization's.
pub async fn find(tx: &mut Tx, id: CaseId) -> Result<Model> {
    store::find(tx, id).await?.ok_or_else(|| CaseFault::NotFound.into())
}

/// The case, held against concurrent changes. Always the obligation first, then its case: billing
/// holds them in this order when it tells of failures and of money.
pub(crate) async fn locked(tx: &mut Tx, id: CaseId) -> Result<Option<Model>, Failure> {
    let Some(case) = store::find(tx, id).await? else { return Ok(None) };
    transactions::hold(tx, case.transaction()).await?;
    Ok(store::locked(tx, id).await?)
}

/// A page of cases, newest first.
pub async fn list(tx: &mut Tx, state: Option<CaseState>, limit: Limit, after: Option<After>) -> Result<Page<Model>> {
    Ok(store::list(tx, state, limit, after).await?)
}

/// The case of a payment by its name at the provider: the obligation's, or any other id of it.
pub async fn by_reference(tx: &mut Tx, reference: &str) -> Result<Model> {
    if let Some(case) = store::by_reference(tx, reference).await? {
        return Ok(case);
    }
    let transaction = transactions::by_ref(tx, reference).await?.ok_or(CaseFault::NotFound)?;
    store::read_of_transaction(tx, transaction.transaction_id()).await?.ok_or_else(|| CaseFault::NotFound.into())
}

/// The newest cases of a customer.
pub async fn of_customer(tx: &mut Tx, customer: CustomerId, rows: u64) -> Result<Vec<Model>, Failure> {
    Ok(store::of_customer(tx, customer, rows).await?)
}

/// Notes something in the story of the case's customer, if it has one.
pub(crate) async fn note(tx: &mut Tx, case: &Model, kind: &'static str, text: String) -> Result<(), Failure> {
    let Some(customer) = case.customer_id else { return Ok(()) };
    let entry = timeline::Entry { kind, text, subject: Some(case.case_id().to_string()), at: tx.now() };
    Ok(timeline::note(tx, customer.into(), entry).await?)
}

/// The case of a transaction, held; whoever asks holds the transaction.
pub(crate) async fn of_transaction(tx: &mut Tx, transaction: TransactionId) -> Result<Option<Model>, Failure> {
    Ok(store::of_transaction(tx, transaction).await?)
}
