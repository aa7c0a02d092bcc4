//! A fake at the port: one case for each transaction, and the decline's own words as the verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use billing::event::CheckoutOpened;
use billing::{FailureSink, Opened, RecordedFailure, Sink};
use host::{BoxFuture, Registry};
use kernel::{CaseId, Failure, OrgId, faults};
use store::Tx;
use testkit::json;
use tokio::sync::Notify;

faults! {
    /// What recovery says when a charge of its own is on its way.
    pub enum FakeFault {
        InFlight = 409 "attempt_in_flight" "A charge is on its way.",
    }
}

pub struct RecoveryFake;

/// An amount that stands for a failure which nobody can take in.
pub const POISON_MINOR: i64 = 4666;
static MENDED: Mutex<BTreeSet<OrgId>> = Mutex::new(BTreeSet::new());

/// Lets it be taken in, in one organization: the stories of both engines run side by side.
pub fn mend(org: OrgId) {
    MENDED.lock().expect("no holder of this lock panics").insert(org);
}

fn is_mended(org: OrgId) -> bool {
    MENDED.lock().expect("no holder of this lock panics").contains(&org)
}

/// An amount whose failure is held up while it is being recorded, and then not recorded after all.
pub const HELD_MINOR: i64 = 4777;
static GATES: Mutex<BTreeMap<OrgId, Arc<Gate>>> = Mutex::new(BTreeMap::new());

/// Where a recording is held up.
#[derive(Default)]
pub struct Gate {
    pub reached: Notify,
    pub open: Notify,
}

/// Holds up the next recording of [`HELD_MINOR`] in one organization.
pub fn hold(org: OrgId) -> Arc<Gate> {
    let gate = Arc::new(Gate::default());
    GATES.lock().expect("no holder of this lock panics").insert(org, gate.clone());
    gate
}

struct Cases;

impl FailureSink for Cases {
    fn failure_recorded<'a>(&'a self, tx: &'a mut Tx, failure: &'a RecordedFailure) -> BoxFuture<'a, Result<Opened, Failure>> {
        if failure.owed.minor == POISON_MINOR && !is_mended(tx.org()) {
            return Box::pin(std::future::ready(Err(Failure::internal("recovery chokes on this"))));
        }
        let gate = (failure.owed.minor == HELD_MINOR).then(|| GATES.lock().expect("no holder of this lock panics").remove(&tx.org()));
        if let Some(gate) = gate.flatten() {
            return Box::pin(async move {
                gate.reached.notify_one();
                gate.open.notified().await;
                Err(Failure::internal("it was held up for nothing"))
            });
        }
        let verdict = failure.decline.decline_code.clone().unwrap_or_default();
        let opened = Opened { case_id: CaseId(failure.transaction.uuid()), classification: json!({ "class": verdict }) };
        Box::pin(std::future::ready(Ok(opened)))
    }
}

impl host::Module for RecoveryFake {
    fn name(&self) -> &'static str {
        "recovery_fake"
    }

    fn register(&self, app: &mut Registry) {
        app.provide(Sink::new(Arc::new(Cases)));
        // An amount of 4999 stands for an obligation whose charge is on its way.
        app.on_tx::<CheckoutOpened>("fake.checkout_opened", |tx, event| {
            Box::pin(async move {
                let transaction = billing::transactions::find(tx, event.transaction).await?;
                let in_flight = transaction.is_some_and(|transaction| transaction.amount_due == 4999);
                if in_flight { Err(Failure::new(FakeFault::InFlight)) } else { Ok(()) }
            })
        });
    }
}
