//! Alerts: what of a case a person has to look at, because no rule of ours may decide it. Money in
//! another currency, a surplus that nobody can give back but a person, a refund that cannot be right.
//!
//! Billing tells of them; here each gets its line in the story, and a mark on the case until it is over.
//! A case whose payer paid in another currency is paused: nobody is charged or written to for what they
//! may have paid. Where an attempt or a checkout is open it is paused as soon as that is over, and letting
//! the case go on says that somebody has looked.

mod alert;
mod store;

use ::store::Tx;
use billing::event::{Attention, AttentionEnded, AttentionNeeded};
use host::Registry;
use kernel::Failure;

pub use alert::{AlertView, Model};

pub(crate) use store::{looked_at, of_cases, open_of_cases, stops};

use crate::cases;

::store::org_scoped!(alert);

/// The kind that stops a case. The others tell of money that is counted or gone already.
const STOPS: Attention = Attention::PaidInOtherCurrency;

pub(crate) fn register(app: &mut Registry) {
    app.on_tx::<AttentionNeeded>("recovery.attention_needed", |tx, event| Box::pin(raise(tx, event)));
    app.on_tx::<AttentionEnded>("recovery.attention_ended", |tx, event| Box::pin(end(tx, event)));
}

/// Raises an alert, or raises one again that was over.
async fn raise(tx: &mut Tx, event: &AttentionNeeded) -> Result<(), Failure> {
    let Some(case) = cases::of_transaction(tx, event.transaction).await? else { return Ok(()) };
    if !store::raise(tx, case.id, event).await? {
        return Ok(());
    }
    cases::note(tx, &case, "case.attention_needed", event.text.clone()).await?;
    if event.kind == STOPS {
        cases::stop_for_person(tx, case).await?;
    }
    Ok(())
}

async fn end(tx: &mut Tx, event: &AttentionEnded) -> Result<(), Failure> {
    match cases::of_transaction(tx, event.transaction).await? {
        Some(case) => Ok(store::end(tx, case.id, event.kind, &event.about).await?),
        None => Ok(()),
    }
}
