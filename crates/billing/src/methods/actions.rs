//! The verbs.

use kernel::{CustomerId, Failure, PaymentMethodId};
use sea_orm::{ActiveValue::Set, IntoActiveModel as _};
use serde_json::json;
use store::{AuditLine, Tx};

use super::method::{ActiveModel, MethodState, Model};
use super::store as rows;
use crate::event::MethodUpdated;
use crate::provider::MethodFacts;

/// The method, if it is this organization's.
pub async fn find(tx: &mut Tx, id: PaymentMethodId) -> Result<Option<Model>, Failure> {
    Ok(rows::by_id(tx, id.uuid()).await?)
}

/// Keeps what a payment says of its method: only what was not known before. A charge tells of the card
/// as it was then, and in any order, so nothing is mended by it.
pub async fn meet(tx: &mut Tx, source: &str, facts: &MethodFacts, customer: Option<CustomerId>) -> Result<Model, Failure> {
    let (known, is_new) = keep(tx, source, facts, customer).await?;
    if is_new { Ok(known) } else { fill(tx, known, facts, customer).await }
}

/// Keeps what the provider says of a method that got new data, which makes a stale one usable.
pub async fn remember(tx: &mut Tx, source: &str, facts: &MethodFacts, customer: Option<CustomerId>) -> Result<Model, Failure> {
    let (known, is_new) = keep(tx, source, facts, customer).await?;
    if is_new { Ok(known) } else { refresh(tx, known, facts, customer).await }
}

/// The method of a token, and whether it was not known before.
async fn keep(tx: &mut Tx, source: &str, facts: &MethodFacts, customer: Option<CustomerId>) -> Result<(Model, bool), Failure> {
    let fresh = ActiveModel {
        id: Set(PaymentMethodId::new(tx.now()).uuid()),
        source: Set(source.to_owned()),
        token: Set(facts.token.clone()),
        network: Set(facts.network.clone()),
        funding: Set(facts.funding.clone()),
        country: Set(facts.country.clone()),
        issuer: Set(facts.issuer.clone()),
        last4: Set(facts.last4.clone()),
        fingerprint: Set(facts.fingerprint.clone()),
        blocked_reason: Set(None),
        exp_month: Set(facts.exp_month),
        exp_year: Set(facts.exp_year),
        state: Set(MethodState::Usable.name().to_owned()),
        customer_id: Set(customer.map(CustomerId::uuid)),
        ..Default::default()
    };
    if let Some(row) = rows::insert_unless_known(tx, fresh).await? {
        return Ok((row, true));
    }
    let known = rows::by_token(tx, source, &facts.token).await?;
    Ok((known.ok_or_else(|| Failure::internal("a method that is known is not there"))?, false))
}

/// Takes over what was not known.
async fn fill(tx: &mut Tx, known: Model, facts: &MethodFacts, customer: Option<CustomerId>) -> Result<Model, Failure> {
    let before = known.clone();
    let told = facts.clone();
    let filled = Model {
        customer_id: known.customer_id.or(customer.map(CustomerId::uuid)),
        network: known.network.or(told.network),
        funding: known.funding.or(told.funding),
        country: known.country.or(told.country),
        issuer: known.issuer.or(told.issuer),
        last4: known.last4.or(told.last4),
        fingerprint: known.fingerprint.or(told.fingerprint),
        exp_month: known.exp_month.or(told.exp_month),
        exp_year: known.exp_year.or(told.exp_year),
        ..before.clone()
    };
    if filled == before { Ok(before) } else { Ok(write(tx, before, filled).await?) }
}

/// Takes over what is new; what an event leaves out stays as it was.
async fn refresh(tx: &mut Tx, known: Model, facts: &MethodFacts, customer: Option<CustomerId>) -> Result<Model, Failure> {
    let has_new_data = differs(known.exp_month, facts.exp_month)
        || differs(known.exp_year, facts.exp_year)
        || differs(known.last4.as_ref(), facts.last4.as_ref())
        || differs(known.fingerprint.as_ref(), facts.fingerprint.as_ref());
    let (before, told) = (known.clone(), facts.clone());
    let state = if has_new_data && known.state() == MethodState::Stale { MethodState::Usable } else { known.state() };
    let fresh = Model {
        customer_id: known.customer_id.or(customer.map(CustomerId::uuid)),
        state: state.name().to_owned(),
        network: told.network.or(known.network),
        funding: told.funding.or(known.funding),
        country: told.country.or(known.country),
        issuer: told.issuer.or(known.issuer),
        last4: told.last4.or(known.last4),
        fingerprint: told.fingerprint.or(known.fingerprint),
        exp_month: told.exp_month.or(known.exp_month),
        exp_year: told.exp_year.or(known.exp_year),
        ..before.clone()
    };
    if fresh == before {
        return Ok(before);
    }
    let row = write(tx, before, fresh).await?;
    if has_new_data {
        tx.emit(&MethodUpdated { method: row.id.into(), customer: row.customer_id.map(CustomerId::from) }).await?;
    }
    Ok(row)
}

async fn write(tx: &mut Tx, known: Model, new: Model) -> Result<Model, Failure> {
    let mut row = known.into_active_model();
    row.customer_id = Set(new.customer_id);
    row.state = Set(new.state);
    row.network = Set(new.network);
    row.funding = Set(new.funding);
    row.country = Set(new.country);
    row.issuer = Set(new.issuer);
    row.last4 = Set(new.last4);
    row.fingerprint = Set(new.fingerprint);
    row.exp_month = Set(new.exp_month);
    row.exp_year = Set(new.exp_year);
    Ok(tx.update(row).await?)
}

/// Whether the event says something else than we knew; saying nothing is not saying something else.
fn differs<T: PartialEq>(known: Option<T>, told: Option<T>) -> bool {
    told.is_some() && known != told
}

/// Lets a method be known by another source, or finds the one that is known there by its token. What
/// was learned of a card (that it is blocked) goes with it: of two words the stricter one holds.
pub(crate) async fn move_to(tx: &mut Tx, id: PaymentMethodId, source: &str) -> Result<PaymentMethodId, Failure> {
    let Some(known) = rows::by_id(tx, id.uuid()).await? else { return Ok(id) };
    if let Some(there) = rows::by_token(tx, source, &known.token).await? {
        let id = there.id.into();
        if known.state() > there.state() {
            mark(tx, id, known.state(), known.blocked_reason.as_deref().unwrap_or_default()).await?;
        }
        return Ok(id);
    }
    let mut row = known.into_active_model();
    row.source = Set(source.to_owned());
    tx.update(row).await?;
    Ok(id)
}

/// Marks what a method is good for, with the reason; marking it as it is changes nothing.
pub async fn mark(tx: &mut Tx, id: PaymentMethodId, state: MethodState, reason: &str) -> Result<(), Failure> {
    let Some(known) = rows::by_id(tx, id.uuid()).await? else { return Ok(()) };
    if known.state() == state || !known.state().may_become(state) {
        return Ok(());
    }
    let before = json!({ "state": known.state });
    let mut row = known.into_active_model();
    row.state = Set(state.name().to_owned());
    row.blocked_reason = Set((state != MethodState::Usable).then(|| reason.to_owned()));
    let row = tx.update(row).await?;
    let after = json!({ "state": row.state, "reason": row.blocked_reason });
    tx.audit(AuditLine::new("payment_method.marked", "payment_method", row.id).before(before).after(after)).await?;
    Ok(())
}
