//! What lets a case that waits go on: new card data, a connection, or one that works again.

use ::store::{AuditLine, Tx};
use billing::connections::ConnectionChanged;
use billing::event::{MethodUpdated, TransactionConnected};
use host::Work;
use kernel::{CaseId, ConnectionId, Failure};
use sea_orm::ActiveValue::Set;
use sea_orm::IntoActiveModel as _;

use super::{CaseState, Obligation, PART, actions, note, planning, store};
use crate::classify::Hardness;
use crate::flow;
use crate::settings::RecoveryConfig;

/// A card got new data. What was declined for want of them may be tried once more, at once; a
/// blocked method never comes back this way.
pub(crate) async fn method_updated(tx: &mut Tx, config: &RecoveryConfig, event: &MethodUpdated) -> Result<(), Failure> {
    for case in store::waiting_for_method(tx, event.method).await? {
        let before = serde_json::json!({ "hardness": case.hardness });
        let mut row = case.into_active_model();
        row.hardness = Set(Hardness::Soft.word().to_owned());
        row.floor_at = Set(None);
        let case = tx.update(row).await?;
        tx.audit(AuditLine::new("case.method_updated", "case", case.id).before(before)).await?;
        note(tx, &case, "case.method_updated", "The card has new data, so the payment is tried once more".to_owned()).await?;
        let case = planning::replan(tx, config, case).await?;
        flow::wake(tx, case.case_id()).await?;
    }
    Ok(())
}

/// A payment that nobody could charge has a connection now.
pub(crate) async fn connected(tx: &mut Tx, config: &RecoveryConfig, event: &TransactionConnected) -> Result<(), Failure> {
    let Some(case) = store::of_transaction(tx, event.transaction).await?.filter(|case| case.state().is_open()) else { return Ok(()) };
    note(tx, &case, "case.connected", "The payment provider is connected, so the recovery goes on".to_owned()).await?;
    let case = planning::replan(tx, config, case).await?;
    flow::wake(tx, case.case_id()).await
}

/// A connection was made, or its key was replaced, or it was switched on again: what waited for it is
/// looked at now and not hours later.
pub(crate) async fn connection_changed(work: Work, event: ConnectionChanged) -> Result<(), Failure> {
    if !event.is_active {
        return Ok(());
    }
    let config = work.core.parts.get::<RecoveryConfig>();
    let mut after = None;
    loop {
        let mut tx = work.begin(PART).await?;
        let waiting = store::waiting_for_connection(&mut tx, after).await?;
        let Some(last) = waiting.last() else { return Ok(()) };
        after = Some(*last);
        for id in waiting {
            go_on(&mut tx, &config, id, event.connection).await?;
        }
        tx.commit().await?;
    }
}

async fn go_on(tx: &mut Tx, config: &RecoveryConfig, id: CaseId, connection: ConnectionId) -> Result<(), Failure> {
    let Some(case) = actions::locked(tx, id).await?.filter(|case| case.state().is_open()) else { return Ok(()) };
    if Obligation::read(tx, &case).await?.transaction.connection() != Some(connection) {
        return Ok(());
    }
    let (now, is_unknown) = (tx.now(), case.state() == CaseState::SyncPending);
    let mut row = case.into_active_model();
    row.pause_until = Set(None);
    if is_unknown {
        row.next_action_at = Set(Some(now));
    }
    let case = tx.update(row).await?;
    let case = planning::replan(tx, config, case).await?;
    flow::wake(tx, case.case_id()).await
}
