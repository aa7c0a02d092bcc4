//! A payer whose time at the checkout is over: the provider says what came of it, not the clock.

use billing::links;
use billing::provider::{PaymentStatus, ProviderError};
use chrono::TimeDelta;
use host::Work;
use kernel::{CaseId, Failure};

use super::ask::{self, AWAY, UNDER_WAY};
use crate::cases::{self, CaseState, PART};
use crate::settings::RecoveryConfig;

/// Asks for the payer's session, and gives the slot back only when nothing is paid there and nothing
/// can be any more. A report of the provider may be late, and a charge meanwhile would be a second one.
pub(super) async fn settle(work: &Work, config: &RecoveryConfig, id: CaseId) -> Result<(), Failure> {
    let pause = look(work, id).await?;
    let mut tx = work.begin(PART).await?;
    let now = tx.now();
    let case = cases::locked(&mut tx, id).await?.filter(|case| case.state() == CaseState::CustomerPaying && case.is_due(now));
    let Some(case) = case else { return Ok(()) };
    match pause.filter(|_| now < case.deadline_at) {
        Some(pause) => drop(ask::postpone(&mut tx, case, pause).await?),
        None => drop(cases::checkout_ended(&mut tx, config, case).await?),
    }
    Ok(tx.commit().await?)
}

/// How long the payer keeps the slot, if so. Money that arrived is recorded by billing, which ends the case.
async fn look(work: &Work, id: CaseId) -> Result<Option<TimeDelta>, Failure> {
    let mut tx = work.begin(PART).await?;
    let Some(case) = cases::locked(&mut tx, id).await? else { return Ok(None) };
    let Some(visit) = links::session_of(&mut tx, case.transaction()).await? else { return Ok(None) };
    drop(tx);
    match links::settle_session(&work.core, &visit).await {
        Ok(Some(PaymentStatus::Processing)) => Ok(Some(UNDER_WAY)),
        Ok(_) => Ok(None),
        // The provider knows no such session: nobody can pay there.
        Err(failure) if is_never_heard(&failure) => Ok(None),
        Err(failure) => {
            tracing::warn!(event = "recovery.checkout_unsettled", case = %id, %failure, "the payer's checkout cannot be asked for");
            Ok(Some(AWAY))
        }
    }
}

fn is_never_heard(failure: &Failure) -> bool {
    let cause = failure.cause.as_ref().and_then(|cause| cause.downcast_ref::<ProviderError>());
    cause.is_some_and(ProviderError::is_never_heard)
}
