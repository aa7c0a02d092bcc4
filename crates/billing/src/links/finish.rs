//! After the provider's page: reading back what came of it, and closing pages that nobody needs.

use chrono::TimeDelta;
use host::{Core, Work};
use kernel::{Actor, Event, Failed, Failure, TransactionId};
use serde::{Deserialize, Serialize};
use store::Tx;
use uuid::Uuid;

use super::actions::{Visit, session_processing};
use super::link::LinkState;
use super::lookup::Found;
use super::store as rows;
use crate::connections;
use crate::event::Via;
use crate::provider::{Action, IdempotencyKey, PaymentState, PaymentStatus, ProviderError, ProviderRef, Providers};
use crate::transactions::{self, NewReceipt};

/// How often the provider is asked about one session for the sake of a page.
const READ_BACK_EVERY: TimeDelta = TimeDelta::seconds(30);

/// A provider's page is open for something that is not owed any more.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SessionAbandoned {
    pub transaction: TransactionId,
    pub session: String,
}

impl Event for SessionAbandoned {
    const NAME: &'static str = "billing.session_abandoned";
    fn subject(&self) -> Uuid {
        self.transaction.uuid()
    }
}

/// Closes an abandoned page, so that nobody pays there a second time.
pub(super) async fn expire_session(work: Work, event: SessionAbandoned) -> Result<(), Failure> {
    let mut tx = work.begin("billing").await?;
    let connection = transactions::find(&mut tx, event.transaction).await?.and_then(|transaction| transaction.connection());
    let Some(connection) = connection else { return Ok(()) };
    let gateway = connections::gateway(&mut tx, &work.core.parts.get::<Providers>(), connection).await.map_err(Failed::into_failure)?;
    drop(tx);
    match gateway.execute(&Action::ExpireCheckout { session: event.session }, &IdempotencyKey::of("expire", &work.key)).await {
        Ok(_) => Ok(()),
        // It ended by itself; a payment in it is reported as every other.
        Err(ProviderError::Refused { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Asks the provider what came of the payer's visit, and records money without waiting for the
/// webhook. `None` when there is nothing to ask.
pub async fn settle_session(core: &Core, found: &Found) -> Result<Option<PaymentStatus>, Failure> {
    let Found { org, link } = found;
    if link.state() == LinkState::Completed {
        return Ok(Some(PaymentStatus::Succeeded));
    }
    let Some(session) = link.psp_session_id.clone() else { return Ok(None) };
    let mut tx = Tx::for_org(&core.store, *org, Actor::Payer(link.link_id())).await?;
    let connection = transactions::find(&mut tx, link.transaction()).await?.and_then(|transaction| transaction.connection());
    let Some(connection) = connection else { return Ok(None) };
    let gateway = connections::gateway(&mut tx, &core.parts.get::<Providers>(), connection).await.map_err(Failed::into_failure)?;
    drop(tx);
    let state = gateway.read_back(&ProviderRef::Session(session.clone())).await?;
    match state.status {
        PaymentStatus::Succeeded => record(core, found, &state).await?,
        PaymentStatus::Processing => wait(core, found, &session).await?,
        _ => {}
    }
    Ok(Some(state.status))
}

/// The same for a page that anybody may load again and again: the provider is asked at most once in a
/// while for a session, and in between the page says what it said then.
pub(super) async fn settle_visit(core: &Core, found: &Found) -> Result<Option<PaymentStatus>, Failure> {
    let Some(session) = found.link.psp_session_id.as_deref().filter(|_| found.link.state() != LinkState::Completed) else {
        return settle_session(core, found).await;
    };
    let (cache, key, until) = (core.store.key_value(), format!("billing.read_back:{session}"), core.clock.now() + READ_BACK_EVERY);
    if let Some(said) = cache.get(&key).await {
        return serde_json::from_str(&said).map_err(Failure::internal);
    }
    // Kept before the call: whoever comes while it runs does not call again.
    let say = |status: Option<PaymentStatus>| serde_json::to_string(&status).map_err(Failure::internal);
    cache.put(&key, say(Some(PaymentStatus::Processing))?, until).await;
    let status = settle_session(core, found).await?;
    cache.put(&key, say(status)?, until).await;
    Ok(status)
}

/// The payer is done and the money takes days: the link keeps the obligation meanwhile.
async fn wait(core: &Core, found: &Found, session: &str) -> Result<(), Failure> {
    let id = found.link.link_id();
    let mut tx = Tx::for_org(&core.store, found.org, Actor::Payer(id)).await?;
    transactions::hold(&mut tx, found.link.transaction()).await?;
    let visit = Visit { session, link: Some(id), told_at: tx.now() };
    session_processing(&mut tx, &visit).await?;
    Ok(tx.commit().await?)
}

async fn record(core: &Core, found: &Found, state: &PaymentState) -> Result<(), Failure> {
    let id = found.link.link_id();
    let mut tx = Tx::for_org(&core.store, found.org, Actor::Payer(id)).await?;
    // What the link was when it was looked up may be over by now.
    if rows::by_id(&mut tx, id).await?.is_none_or(|link| link.state() == LinkState::Completed) {
        return Ok(());
    }
    let (Some(transaction), Some(amount), Some(key)) =
        (transactions::hold(&mut tx, found.link.transaction()).await?, state.money, state.refs.money_key())
    else {
        return Ok(());
    };
    let new = NewReceipt {
        money_key: key.to_owned(),
        refs: state.refs.clone(),
        amount,
        via: Via::Link,
        received_at: tx.now(),
        attempt: None,
        link: Some(id),
    };
    let transaction = transactions::add_refs(&mut tx, transaction, &state.refs, None).await?;
    transactions::receive(&mut tx, transaction, new).await?;
    Ok(tx.commit().await?)
}
