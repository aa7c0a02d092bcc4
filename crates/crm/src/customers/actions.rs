//! The verbs. Each change writes the row, its audit line, its event and its line in the timeline,
//! all in the caller's transaction.

use kernel::{After, CustomerId, Event, Failed, Failure, General, Limit, Page};
use sea_orm::Set;
use serde_json::{Value, json};
use store::{AuditLine, StoreError, Tx};

use super::customer::{ChangeCustomer, Column, CustomerView, Model, NewCustomer};
use super::difference::{Difference, update};
use super::events::{CustomerArchived, CustomerChanged, CustomerCreated, CustomerRestored};
use super::fault::CustomerFault;
use super::known::Known;
use super::store::{self as rows, Wanted};
use crate::timeline::{self, Entry};

type Result<T, E = Failed<CustomerFault>> = std::result::Result<T, E>;

/// A page of customers, newest first.
pub async fn list(tx: &mut Tx, wanted: &Wanted, limit: Limit, after: Option<After>) -> Result<Page<Model>> {
    Ok(rows::page(tx, wanted, limit, after).await?)
}

/// One customer, archived or not.
pub async fn find(tx: &mut Tx, id: CustomerId) -> Result<Model> {
    rows::by_id(tx, id).await?.ok_or_else(|| CustomerFault::NotFound.into())
}

/// Those of the given customers that exist, in no order: for lists of other rooms that show names.
pub async fn find_many(tx: &mut Tx, ids: &[CustomerId]) -> Result<Vec<Model>> {
    if ids.is_empty() {
        return Ok(vec![]);
    }
    Ok(rows::by_ids(tx, ids).await?)
}

/// Adds a customer.
pub async fn create(tx: &mut Tx, new: &NewCustomer) -> Result<Model> {
    add(tx, new.known()?).await?.ok_or_else(|| CustomerFault::ExternalRefTaken.into())
}

/// The customer whom these facts describe: by reference, else by mail address, else a new one.
/// Gaps of a known customer are filled, nothing is overwritten.
pub async fn find_or_create(tx: &mut Tx, known: Known) -> Result<Model> {
    let row = match matching(tx, &known).await? {
        Some(row) => row,
        None => match add(tx, known.clone()).await? {
            Some(row) => return Ok(row),
            // Another transaction added the same reference in between.
            None => matching(tx, &known).await?.ok_or(General::Conflict).map_err(Failure::from)?,
        },
    };
    let next = known.filling(&row);
    save(tx, row, next).await
}

/// Changes what the body names. With a `version`, only if nobody was faster.
pub async fn change(tx: &mut Tx, id: CustomerId, asked: &ChangeCustomer) -> Result<Model> {
    let row = find(tx, id).await?;
    if asked.version.is_some_and(|read| read != row.version) {
        return Err(Failure::new(General::Conflict).into());
    }
    let next = asked.applied(&row)?;
    save(tx, row, next).await
}

/// Takes a customer out of the daily lists. Archiving twice keeps the first date.
pub async fn archive(tx: &mut Tx, id: CustomerId) -> Result<Model> {
    let row = find(tx, id).await?;
    if row.archived_at.is_some() {
        return Ok(row);
    }
    let next = Model { archived_at: Some(tx.now()), ..row.clone() };
    let row = tx.update(update(row, next)).await?;
    let told = Told { action: "customer.archived", text: "Archived".into(), before: archived(None), after: archived(row.archived_at) };
    record(tx, id, told, &CustomerArchived { customer: id }).await?;
    Ok(row)
}

/// Brings a customer back into the daily lists.
pub async fn restore(tx: &mut Tx, id: CustomerId) -> Result<Model> {
    let row = find(tx, id).await?;
    let Some(since) = row.archived_at else { return Ok(row) };
    let next = Model { archived_at: None, ..row.clone() };
    let row = tx.update(update(row, next)).await?;
    let told = Told { action: "customer.restored", text: "Restored".into(), before: archived(Some(since)), after: archived(None) };
    record(tx, id, told, &CustomerRestored { customer: id }).await?;
    Ok(row)
}

fn archived(at: Option<kernel::At>) -> Value {
    json!({ "archived_at": at })
}

/// A reference names one customer for sure. A shared mail address does not: somebody with another
/// reference is somebody else.
async fn matching(tx: &mut Tx, known: &Known) -> Result<Option<Model>> {
    let wanted = known.external_ref.as_deref().map(str::trim);
    let row = match (wanted, &known.email) {
        (Some(external_ref), Some(email)) => rows::by_external_ref_else_email(tx, external_ref, email.normal()).await?,
        (Some(external_ref), None) => rows::by_external_ref(tx, external_ref).await?,
        (None, Some(email)) => rows::by_email(tx, email.normal()).await?,
        (None, None) => None,
    };
    Ok(row.filter(|row| wanted.is_none() || row.external_ref.is_none() || row.external_ref.as_deref() == wanted))
}

/// Adds a row, or nothing when its reference is taken: a failed insert would spoil the caller's
/// transaction on Postgres.
async fn add(tx: &mut Tx, known: Known) -> Result<Option<Model>> {
    let id = CustomerId::new(tx.now());
    let mut new = known.row();
    new.id = Set(id.uuid());
    let Some(row) = tx.insert_new(new, &[Column::OrgId, Column::ExternalRef]).await? else { return Ok(None) };
    let shown = serde_json::to_value(CustomerView::from(row.clone())).map_err(Failure::internal)?;
    let told = Told { action: "customer.created", text: "Created".into(), before: Value::Null, after: shown };
    record(tx, id, told, &CustomerCreated { customer: id }).await?;
    Ok(Some(row))
}

/// Writes what is different; a change that changes nothing leaves no trace.
async fn save(tx: &mut Tx, row: Model, next: Model) -> Result<Model> {
    let difference = Difference::between(&row, &next);
    if difference.is_empty() {
        return Ok(row);
    }
    let row = tx.update(update(row, next)).await.map_err(taken)?;
    let id = row.customer_id();
    let told = Told { action: "customer.changed", text: difference.sentence(), before: difference.before(), after: difference.after() };
    record(tx, id, told, &CustomerChanged { customer: id, fields: difference.fields() }).await?;
    Ok(row)
}

/// The same fact for its three readers.
struct Told {
    action: &'static str,
    text: String,
    before: Value,
    after: Value,
}

async fn record<E: Event>(tx: &mut Tx, id: CustomerId, told: Told, event: &E) -> Result<()> {
    let line = AuditLine::new(told.action, "customer", id.uuid()).before(told.before).after(told.after);
    tx.audit(line).await?;
    let at = tx.now();
    timeline::note(tx, id, Entry { kind: told.action, text: told.text, subject: None, at }).await?;
    tx.emit(event).await?;
    Ok(())
}

fn taken(error: StoreError) -> Failed<CustomerFault> {
    if error.violates("customers", "external_ref") { CustomerFault::ExternalRefTaken.into() } else { error.into() }
}
