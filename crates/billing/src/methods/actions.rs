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

/// Keeps what an event says of a method. New data makes a stale method usable.
pub async fn remember(tx: &mut Tx, source: &str, facts: &MethodFacts, customer: Option<CustomerId>) -> Result<Model, Failure> {
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
    let is_new = rows::insert_unless_known(tx, fresh).await?;
    let known = rows::by_token(tx, source, &facts.token).await?;
    let known = known.ok_or_else(|| Failure::internal("a method that was just kept is not there"))?;
    if is_new { Ok(known) } else { refresh(tx, known, facts, customer).await }
}

/// Takes over what is new; what an event leaves out stays as it was.
async fn refresh(tx: &mut Tx, known: Model, facts: &MethodFacts, customer: Option<CustomerId>) -> Result<Model, Failure> {
    let customer_id = known.customer_id.or(customer.map(CustomerId::uuid));
    let has_new_data = differs(known.exp_month, facts.exp_month)
        || differs(known.exp_year, facts.exp_year)
        || differs(known.last4.as_ref(), facts.last4.as_ref())
        || differs(known.fingerprint.as_ref(), facts.fingerprint.as_ref());
    if !has_new_data && customer_id == known.customer_id {
        return Ok(known);
    }
    let state = if has_new_data && known.state() == MethodState::Stale { MethodState::Usable } else { known.state() };
    let mut row = known.clone().into_active_model();
    row.customer_id = Set(customer_id);
    row.state = Set(state.name().to_owned());
    row.network = Set(facts.network.clone().or(known.network));
    row.funding = Set(facts.funding.clone().or(known.funding));
    row.country = Set(facts.country.clone().or(known.country));
    row.last4 = Set(facts.last4.clone().or(known.last4));
    row.fingerprint = Set(facts.fingerprint.clone().or(known.fingerprint));
    row.exp_month = Set(facts.exp_month.or(known.exp_month));
    row.exp_year = Set(facts.exp_year.or(known.exp_year));
    let row = tx.update(row).await?;
    if has_new_data {
        tx.emit(&MethodUpdated { method: row.id.into(), customer: row.customer_id.map(CustomerId::from) }).await?;
    }
    Ok(row)
}

/// Whether the event says something else than we knew; saying nothing is not saying something else.
fn differs<T: PartialEq>(known: Option<T>, told: Option<T>) -> bool {
    told.is_some() && known != told
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
