//! What lets a case that waits go on: new card data, or a connection that works again.

use billing::connections::ConnectionChanged;
use billing::event::MethodUpdated;
use host::Work;
use kernel::Failure;
use sea_orm::ActiveValue::Set;
use sea_orm::IntoActiveModel as _;
use ::store::{AuditLine, Tx};

use super::{Model, actions, note, planning, store};
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

/// A connection was switched on or off: the cases that wait for one are planned anew, a few in each
/// transaction, so that nobody else waits long.
pub(crate) async fn connection_changed(work: Work, event: ConnectionChanged) -> Result<(), Failure> {
    if !event.is_active {
        return Ok(());
    }
    let config = work.core.parts.get::<RecoveryConfig>();
    let mut tx = work.begin(super::PART).await?;
    let waiting: Vec<Model> = store::without_connection(&mut tx).await?;
    drop(tx);
    for case in waiting {
        let mut tx = work.begin(super::PART).await?;
        let Some(case) = actions::locked(&mut tx, case.case_id()).await?.filter(|case| case.state().is_open()) else { continue };
        let case = planning::replan(&mut tx, &config, case).await?;
        flow::wake(&mut tx, case.case_id()).await?;
        tx.commit().await?;
    }
    Ok(())
}
