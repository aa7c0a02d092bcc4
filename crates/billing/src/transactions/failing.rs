//! A charge was declined.

use chrono::TimeDelta;
use kernel::{At, CaseId, Failure, Money, PaymentMethodId};
use sea_orm::{ActiveValue::Set, IntoActiveModel as _};
use serde_json::json;
use store::Tx;
use uuid::Uuid;

use super::failure::{self, ActiveModel};
use super::transaction::Model;
use super::{Happening, State, store as rows};
use crate::event::{EarlierFailureTold, PaymentFailed};
use crate::provider::RawDecline;

/// What an invoice says of a decline is the echo of what its intent says. Where it names no charge,
/// an echo this close to another report is taken for the same decline.
const ECHO_TIME: TimeDelta = TimeDelta::minutes(2);
/// How the reports of invoices are named.
pub(crate) const ECHO: &str = "invoice:";

/// A decline that was reported.
#[derive(Debug, Clone)]
pub struct NewFailure {
    pub occurred_at: At,
    /// What was to be paid, as the report says.
    pub due: Option<Money>,
    pub decline: RawDecline,
    pub method: Option<PaymentMethodId>,
    /// The charge that was declined, where the report names it.
    pub charge: Option<String>,
    /// Names the report where the charge is not known.
    pub report: String,
    pub event_row: Option<Uuid>,
}

/// What came of a report.
#[derive(Debug, Clone)]
pub enum Failing {
    /// Nothing is owed any more: an older or late report changes nothing.
    Absorbed(Model),
    /// The same decline was reported before, and this report says nothing new.
    Known(Model, failure::Model),
    /// A new decline, or one of which more is known now.
    Recorded(Model, failure::Model),
}

/// Records a decline on a held transaction. Reports may come twice and in any order: the latest by
/// its own time is what the transaction shows.
pub async fn fail(tx: &mut Tx, transaction: Model, new: NewFailure) -> Result<Failing, Failure> {
    record(tx, transaction, new, true).await
}

/// Records a decline that a payer met in a checkout of ours. It is a part of the story, and says
/// nothing of the method on file or of what is due.
pub async fn fail_in_checkout(tx: &mut Tx, transaction: Model, new: NewFailure) -> Result<Failing, Failure> {
    record(tx, transaction, new, false).await
}

async fn record(tx: &mut Tx, transaction: Model, new: NewFailure, shows: bool) -> Result<Failing, Failure> {
    if transaction.state().after(Happening::ChargeFailed).is_err() {
        let transaction = if shows { dated(tx, transaction, &new).await? } else { transaction };
        return Ok(Failing::Absorbed(transaction));
    }
    // Nobody has told of a failure before the first one.
    let is_untold = transaction.state() == State::Open && transaction.first_failed_at.is_none();
    let earlier = if is_untold { Vec::new() } else { rows::failures(tx, transaction.id).await? };
    let row = match earlier.iter().find(|known| is_same(known, &new)) {
        Some(known) => match learn(tx, known, &new).await? {
            Some(row) => row,
            None => return Ok(Failing::Known(transaction, known.clone())),
        },
        None => insert(tx, &transaction, &new).await?,
    };
    let is_first = earlier.is_empty();
    let transaction = if shows { show(tx, transaction, &new, &row).await? } else { transaction };
    let event = PaymentFailed {
        transaction: transaction.transaction_id(),
        customer: transaction.customer(),
        amount: transaction.owed(),
        failed_at: row.occurred_at,
        is_first,
    };
    tx.emit(&event).await?;
    Ok(Failing::Recorded(transaction, row))
}

/// What is over stays over; only when it began to fail and when it failed last may be learned late.
async fn dated(tx: &mut Tx, transaction: Model, new: &NewFailure) -> Result<Model, Failure> {
    let (Some(first), Some(last)) = (transaction.first_failed_at, transaction.failed_at) else { return Ok(transaction) };
    if (first..=last).contains(&new.occurred_at) {
        return Ok(transaction);
    }
    let mut active = transaction.into_active_model();
    active.first_failed_at = Set(Some(first.min(new.occurred_at)));
    active.failed_at = Set(Some(last.max(new.occurred_at)));
    let transaction = tx.update(active).await?;
    if new.occurred_at < first {
        let (id, decline) = (transaction.transaction_id(), new.decline.clone());
        tx.emit(&EarlierFailureTold { transaction: id, failed_at: new.occurred_at, decline }).await?;
    }
    Ok(transaction)
}

/// The charge tells two declines apart; an echo without one belongs to the decline beside it.
fn is_same(known: &failure::Model, new: &NewFailure) -> bool {
    if let (Some(known), Some(new)) = (&known.charge, &new.charge) {
        return known == new;
    }
    let is_echo = known.failure_key.starts_with(ECHO) || new.report.starts_with(ECHO);
    known.failure_key == new.report || (is_echo && (known.occurred_at - new.occurred_at).abs() <= ECHO_TIME)
}

/// Takes over what only the second report of a decline says; `None` when it says nothing new.
async fn learn(tx: &mut Tx, known: &failure::Model, new: &NewFailure) -> Result<Option<failure::Model>, Failure> {
    let tells_charge = known.charge.is_none() && new.charge.is_some();
    let tells_decline = known.raw_decline().is_empty() && !new.decline.is_empty();
    if !tells_charge && !tells_decline {
        return Ok(None);
    }
    let mut row = known.clone().into_active_model();
    if tells_decline {
        row.decline = Set(json!(new.decline));
        row.payment_method_id = Set(new.method.map(PaymentMethodId::uuid).or(known.payment_method_id));
    }
    row.charge = Set(known.charge.clone().or_else(|| new.charge.clone()));
    Ok(Some(tx.update(row).await?))
}

async fn insert(tx: &mut Tx, transaction: &Model, new: &NewFailure) -> Result<failure::Model, Failure> {
    let row = ActiveModel {
        transaction_id: Set(transaction.id),
        failure_key: Set(new.charge.clone().unwrap_or_else(|| new.report.clone())),
        charge: Set(new.charge.clone()),
        occurred_at: Set(new.occurred_at),
        decline: Set(json!(new.decline)),
        payment_method_id: Set(new.method.map(PaymentMethodId::uuid)),
        event_row_id: Set(new.event_row),
        ..Default::default()
    };
    Ok(tx.insert(row).await?)
}

/// The transaction shows its latest decline, by the time at which it happened.
async fn show(tx: &mut Tx, transaction: Model, new: &NewFailure, row: &failure::Model) -> Result<Model, Failure> {
    let state = transaction.state().after(Happening::ChargeFailed).map_err(Failure::internal)?;
    let is_latest = transaction.failed_at.is_none_or(|latest| row.occurred_at >= latest);
    let first = transaction.first_failed_at.map_or(row.occurred_at, |first| first.min(row.occurred_at));
    let due = new.due.filter(|due| is_latest && due.currency.code() == transaction.currency && due.minor >= transaction.amount_paid.max(1));
    let due_minor = due.map_or(transaction.amount_due, |due| due.minor);
    let method = transaction.payment_method_id;
    let mut active = transaction.into_active_model();
    active.state = Set(state.name().to_owned());
    active.first_failed_at = Set(Some(first));
    if is_latest {
        active.failed_at = Set(Some(row.occurred_at));
        active.decline = Set(Some(row.decline.clone()));
        active.amount_due = Set(due_minor);
        active.payment_method_id = Set(row.payment_method_id.or(method));
    }
    Ok(tx.update(active).await?)
}

/// Keeps which case was opened for a decline, for whoever asks again.
pub(crate) async fn set_case(tx: &mut Tx, row: failure::Model, case: CaseId) -> Result<(), Failure> {
    if row.case_id == Some(case.uuid()) {
        return Ok(());
    }
    let mut row = row.into_active_model();
    row.case_id = Set(Some(case.uuid()));
    tx.update_quiet(row).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> At {
        At::from_timestamp(1_763_600_000 + minute * 60, 0).expect("an instant")
    }

    fn known(charge: Option<&str>) -> failure::Model {
        failure::Model {
            id: Uuid::nil(),
            org_id: Uuid::nil(),
            transaction_id: Uuid::nil(),
            failure_key: charge.unwrap_or("invoice:evt_1").into(),
            charge: charge.map(Into::into),
            occurred_at: at(0),
            decline: json!({}),
            payment_method_id: None,
            event_row_id: None,
            case_id: None,
            created_at: at(0),
            updated_at: at(0),
            version: 1,
        }
    }

    fn reported(charge: Option<&str>, minute: i64) -> NewFailure {
        NewFailure {
            occurred_at: at(minute),
            due: None,
            decline: RawDecline::default(),
            method: None,
            charge: charge.map(Into::into),
            report: if charge.is_some() { "evt_2" } else { "invoice:evt_2" }.into(),
            event_row: None,
        }
    }

    #[test]
    fn two_reports_of_a_caller_are_two_declines() {
        let known = failure::Model { failure_key: "api:1".into(), ..known(None) };
        assert!(!is_same(&known, &NewFailure { report: "api:2".into(), ..reported(None, 0) }));
        assert!(is_same(&known, &NewFailure { report: "api:1".into(), ..reported(None, 0) }));
    }

    #[test]
    fn the_charge_tells_declines_apart_and_the_time_where_there_is_none() {
        assert!(is_same(&known(Some("ch_1")), &reported(Some("ch_1"), 60)));
        assert!(!is_same(&known(Some("ch_1")), &reported(Some("ch_2"), 0)), "two tries within a second are two");
        assert!(is_same(&known(Some("ch_1")), &reported(None, 1)), "the invoice's report of the same decline");
        assert!(is_same(&known(None), &reported(Some("ch_1"), -1)), "in the other order too");
        assert!(!is_same(&known(None), &NewFailure { report: "invoice:evt_3".into(), ..reported(None, 30) }));
    }
}
