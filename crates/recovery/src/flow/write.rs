//! A message that is due.

use host::Work;
use kernel::{CaseId, Failure};

use super::ask::{self, Seen};
use crate::cases::{self, Obligation, PART};
use crate::messages;
use crate::policy::StepKind;
use crate::settings::RecoveryConfig;

/// Writes the message that is due, unless it was paid meanwhile or the plan made now says otherwise.
pub(super) async fn write(work: &Work, config: &RecoveryConfig, id: CaseId) -> Result<(), Failure> {
    let Some(seen) = look(work, config, id).await? else { return Ok(()) };
    let mut tx = work.begin(PART).await?;
    let Some(case) = cases::locked(&mut tx, id).await?.filter(|case| case.state().is_open()) else { return Ok(()) };
    let Some(case) = ask::settle(&mut tx, case, &seen, None).await? else { return Ok(tx.commit().await?) };
    if matches!(seen, Seen::UnderWay) {
        ask::postpone(&mut tx, case, ask::UNDER_WAY).await?;
        return Ok(tx.commit().await?);
    }
    // The answer itself may be what a person has to look at.
    let case = cases::stop_if_alerted(&mut tx, case).await?;
    if !case.state().is_planned() {
        return Ok(tx.commit().await?);
    }
    let planned = cases::ask(&mut tx, config, &case).await?;
    let is_due = planned.plan.next.kind == StepKind::Message && planned.plan.next.at <= tx.now();
    if !is_due {
        cases::write(&mut tx, case, planned).await?;
        return Ok(tx.commit().await?);
    }
    messages::plan(&mut tx, &case, planned.plan.next.at).await?;
    messages::write(&work.core, &mut tx, config, &case, &planned.obligation).await?;
    cases::replan(&mut tx, config, case).await?;
    Ok(tx.commit().await?)
}

/// Nobody is reminded of what they have paid or are paying. A provider that cannot be asked stops no mail.
/// `None` when the address is full, and the message put off: many cases may wait for one address, and none
/// of them calls a provider for a letter that is not written.
async fn look(work: &Work, config: &RecoveryConfig, id: CaseId) -> Result<Option<Seen>, Failure> {
    let mut tx = work.begin(PART).await?;
    let Some(case) = cases::locked(&mut tx, id).await? else { return Ok(None) };
    let obligation = Obligation::read(&mut tx, &case).await?;
    let is_full = match obligation.contact() {
        Some(to) => messages::room_from(&mut tx, &to).await?.is_some(),
        None => false,
    };
    if is_full {
        cases::replan(&mut tx, config, case).await?;
        tx.commit().await?;
        return Ok(None);
    }
    let line = ask::line(work, &mut tx, &obligation).await?;
    drop(tx);
    Ok(Some(match line {
        Some(line) => ask::look(&line).await,
        None => Seen::NeverHeard,
    }))
}
