//! Taking an event in: kept first, once; then applied, or marked with the reason why not.

use chrono::TimeDelta;
use kernel::{At, ConnectionId, Failure};
use sea_orm::{ActiveValue::Set, IntoActiveModel as _};
use serde_json::json;
use store::Tx;

use super::apply::{self, Scene, Verdict};
use super::provider_event::{ActiveModel, EventState, Model, reason};
use super::{Sink, later, store as rows};
use crate::provider::ProviderEvent;
use crate::transactions::{self, Source};

/// How long an event waits for its parent: providers send again for days, people import for weeks.
pub(super) const WAIT_FOR_PARENT: TimeDelta = TimeDelta::days(30);
/// Replays that one event may set off: a success may free a refund, which frees nothing more.
const REPLAY_ROUNDS_MAX: usize = 4;

/// What is kept of a delivery.
pub(super) struct Delivery<'a> {
    pub connection: ConnectionId,
    pub raw: &'a str,
    pub event: &'a ProviderEvent,
}

/// Keeps an event; `None` when it came before.
pub(super) async fn keep(tx: &mut Tx, delivery: &Delivery<'_>, source: &str) -> Result<Option<Model>, Failure> {
    let row = ActiveModel {
        id: Set(kernel::chance::uuid_v7(tx.now())),
        connection_id: Set(Some(delivery.connection.uuid())),
        source: Set(source.to_owned()),
        event_id: Set(delivery.event.id.clone()),
        type_name: Set(delivery.event.type_name.clone()),
        occurred_at: Set(delivery.event.occurred_at),
        raw: Set(delivery.raw.to_owned()),
        event: Set(json!(delivery.event)),
        state: Set(EventState::Received.name().to_owned()),
        reason: Set(None),
        tries: Set(0),
        ..Default::default()
    };
    Ok(rows::insert_unless_known(tx, row).await?)
}

/// When an event that waited for its parent is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waiting {
    /// In the transaction that made the parent known.
    Now,
    /// Each by durable work of its own: one that cannot be applied does no harm to the rest.
    Later,
}

/// Applies a kept event, marks what became of it, and replays what waited for it.
pub(super) async fn settle(
    tx: &mut Tx,
    source: &Source,
    sink: Option<&Sink>,
    row: Model,
    event: &ProviderEvent,
    waiting: Waiting,
) -> Result<Verdict, Failure> {
    let scene = Scene { source, connection: None, sink, event_row: row.id };
    let verdict = apply::apply(tx, &scene, event).await?;
    if verdict == Verdict::Quarantined {
        rows::wait_for(tx, &row.source, &event.refs, row.id).await?;
    }
    mark(tx, row, verdict, event).await?;
    match (verdict.transaction(), waiting) {
        (Some(transaction), Waiting::Now) => replay(tx, source, sink, transaction).await?,
        (Some(transaction), Waiting::Later) => {
            if let Some(known) = transactions::find(tx, transaction).await? {
                replay_later(tx, source, &known).await?;
            }
        }
        (None, _) => {}
    }
    Ok(verdict)
}

/// Applies what waited for a transaction, in the order in which it happened.
async fn replay(tx: &mut Tx, source: &Source, sink: Option<&Sink>, transaction: kernel::TransactionId) -> Result<(), Failure> {
    for _ in 0..REPLAY_ROUNDS_MAX {
        let Some(known) = transactions::find(tx, transaction).await? else { return Ok(()) };
        let mut freed = false;
        for row in waiting_for(tx, source, &known).await? {
            freed |= retry(tx, source, sink, row).await?;
        }
        if !freed {
            return Ok(());
        }
    }
    Ok(())
}

/// Lets durable work apply what waited for a transaction.
pub(super) async fn replay_later(tx: &mut Tx, source: &Source, transaction: &transactions::Model) -> Result<(), Failure> {
    for row in waiting_for(tx, source, transaction).await? {
        later::apply_later(tx, row, reason::APPLY_PENDING).await?;
    }
    Ok(())
}

async fn waiting_for(tx: &mut Tx, source: &Source, known: &transactions::Model) -> Result<Vec<Model>, Failure> {
    let refs = known.refs();
    let mut ids: Vec<&str> = refs.all().collect();
    ids.push(&known.obligation_key);
    let since: At = tx.now() - WAIT_FOR_PARENT;
    Ok(rows::waiting(tx, &source.key(), &ids, since).await?)
}

/// Tries a quarantined event again; `true` when it was applied.
async fn retry(tx: &mut Tx, source: &Source, sink: Option<&Sink>, row: Model) -> Result<bool, Failure> {
    let event: ProviderEvent = serde_json::from_value(row.event.clone()).map_err(Failure::internal)?;
    let scene = Scene { source, connection: None, sink, event_row: row.id };
    let verdict = apply::apply(tx, &scene, &event).await?;
    if verdict == Verdict::Quarantined {
        return Ok(false);
    }
    mark(tx, row, verdict, &event).await?;
    Ok(true)
}

async fn mark(tx: &mut Tx, row: Model, verdict: Verdict, event: &ProviderEvent) -> Result<(), Failure> {
    let (state, reason) = match verdict {
        Verdict::Applied(_) => (EventState::Applied, None),
        Verdict::Ignored(reason, _) => (EventState::Ignored, Some(reason)),
        Verdict::Quarantined => (EventState::Quarantined, Some(reason::UNKNOWN_PARENT)),
        Verdict::Failed(reason, _) => (EventState::Failed, Some(reason)),
    };
    set_state(tx, row, state, reason, verdict.transaction(), Some(event)).await
}

/// Writes what became of an event.
pub(super) async fn set_state(
    tx: &mut Tx,
    row: Model,
    state: EventState,
    reason: Option<&'static str>,
    transaction: Option<kernel::TransactionId>,
    event: Option<&ProviderEvent>,
) -> Result<(), Failure> {
    let (tries, before) = (row.tries, row.transaction_id);
    let mut active = row.into_active_model();
    active.state = Set(state.name().to_owned());
    active.reason = Set(reason.map(ToOwned::to_owned));
    active.tries = Set(tries + 1);
    active.transaction_id = Set(transaction.map(kernel::TransactionId::uuid).or(before));
    if let Some(event) = event {
        // What the provider was asked for in the meantime is kept with it.
        active.event = Set(json!(event));
    }
    tx.update_quiet(active).await?;
    Ok(())
}
