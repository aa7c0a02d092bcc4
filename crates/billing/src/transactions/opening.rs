//! How an obligation becomes known.

use kernel::{CustomerId, Failure, Money, TransactionId};
use sea_orm::{ActiveValue::Set, IntoActiveModel as _};
use serde_json::json;
use store::{AuditLine, Tx};

use super::transaction::{ActiveModel, Model, Source};
use super::{State, store as rows};
use crate::provider::Refs;

/// An obligation that something was told of.
#[derive(Debug, Clone)]
pub struct NewTransaction {
    pub source: Source,
    pub obligation_key: String,
    pub refs: Refs,
    pub due: Money,
    pub customer: Option<CustomerId>,
}

/// The transaction of an obligation that none of its ids leads to: a new one, held. `false` when
/// another request was first.
pub async fn open(tx: &mut Tx, new: NewTransaction) -> Result<(Model, bool), Failure> {
    let source = new.source.key();
    let Some(held) = rows::insert_unless_there(tx, row(tx, &new)).await? else {
        let held = rows::hold_by_key(tx, &source, &new.obligation_key).await?;
        let held = held.ok_or_else(|| Failure::internal("a transaction that is there cannot be held"))?;
        return Ok((add_refs(tx, held, &new.refs, new.customer).await?, false));
    };
    let after = json!({ "ref": held.obligation_key, "amount_due": held.amount_due, "currency": held.currency });
    tx.audit(AuditLine::new("transaction.opened", "transaction", held.id).after(after)).await?;
    let mut names: Vec<&str> = new.refs.all().collect();
    if !names.contains(&new.obligation_key.as_str()) {
        names.push(&new.obligation_key);
    }
    rows::add_refs(tx, &source, &names, held.id).await?;
    Ok((held, true))
}

fn row(tx: &Tx, new: &NewTransaction) -> ActiveModel {
    ActiveModel {
        id: Set(TransactionId::new(tx.now()).uuid()),
        connection_id: Set(new.source.connection.map(kernel::ConnectionId::uuid)),
        gateway: Set(new.source.gateway.clone()),
        source: Set(new.source.key()),
        obligation_key: Set(new.obligation_key.clone()),
        psp_ids: Set(json!(new.refs)),
        amount_due: Set(new.due.minor),
        amount_paid: Set(0),
        currency: Set(new.due.currency.code().to_owned()),
        state: Set(State::Open.name().to_owned()),
        customer_id: Set(new.customer.map(CustomerId::uuid)),
        ..Default::default()
    }
}

/// Keeps ids that were not known before, so that later events with any of them find the way.
pub async fn add_refs(tx: &mut Tx, known: Model, refs: &Refs, customer: Option<CustomerId>) -> Result<Model, Failure> {
    let before = known.refs();
    // Ids that are shown lead to it already; an older one may have been replaced in what is shown.
    let fresh: Vec<&str> = refs.all().filter(|id| !before.all().any(|shown| shown == *id)).collect();
    rows::add_refs(tx, &known.source, &fresh, known.id).await?;
    let mut all = before.clone();
    // The newest charge and session are the ones to show; an invoice or intent never changes.
    all.charge = refs.charge.clone().or(all.charge);
    all.session = refs.session.clone().or(all.session);
    all.fill(refs);
    let customer_id = known.customer_id.or(customer.map(CustomerId::uuid));
    if all == before && customer_id == known.customer_id {
        return Ok(known);
    }
    let mut row = known.into_active_model();
    row.psp_ids = Set(json!(all));
    row.customer_id = Set(customer_id);
    Ok(tx.update(row).await?)
}
