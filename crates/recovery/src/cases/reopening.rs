//! What lets a case that waits go on: new card data.

use ::store::{AuditLine, Tx};
use billing::event::MethodUpdated;
use kernel::Failure;
use sea_orm::ActiveValue::Set;
use sea_orm::IntoActiveModel as _;

use super::{note, planning, store};
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
