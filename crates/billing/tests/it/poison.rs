//! An event that cannot be applied, however often it is tried: it ends as a dead letter, and does no harm
//! to any other.

use flows::Engine;
use testkit::{TestApp, Value, json};

use crate::{INTENT, deliver, fixture, known, modules, stripe};

/// A failure that the fake of recovery chokes on, until it is mended.
fn poison(event: &str, intent: &str) -> Value {
    let mut failed = fixture!("payment_intent.payment_failed.new");
    failed["id"] = json!(event);
    failed["data"]["object"]["id"] = json!(intent);
    for charge in ["/data/object/latest_charge", "/data/object/last_payment_error/charge"] {
        *failed.pointer_mut(charge).expect("a charge") = json!(format!("ch_of_{intent}"));
    }
    failed["data"]["object"]["amount"] = json!(crate::sink::POISON_MINOR);
    failed
}

async fn dead(app: &TestApp) -> Vec<flows::DeadLetter> {
    app.core.parts.get::<Engine>().dead_letters(&app.core).await.expect("the engine answers")
}

testkit::stories! {
    async fn it_becomes_a_dead_letter_with_its_reason_and_can_be_replayed(app: TestApp) {
        app.expect_dead_letters();
        let alice = app.alice().await;
        let id = stripe(&alice).await;
        assert_eq!(deliver(app, &id, &poison("evt_poison", "pi_poison")).await.status, 200, "it is kept");
        assert_eq!(deliver(app, &id, &fixture!("payment_intent.payment_failed.new")).await.status, 200);
        assert_eq!(known(&alice, INTENT).await["transaction"]["state"], "failed", "others go on");
        app.advance(chrono::Duration::hours(2)).await;
        let letters = dead(app).await;
        assert_eq!((letters.len(), letters[0].workflow.as_str()), (1, "billing.apply_event"));
        assert!(letters[0].reason.contains("internal"), "{}", letters[0].reason);
        let alice = app.alice().await;
        alice.get("/v1/events/by_ref/pi_poison").await.refused(404, "event_ref_not_found");
        crate::sink::mend(crate::org_of(&alice));
        assert!(app.core.parts.get::<Engine>().replay(&app.core, letters[0].id).await.expect("the engine answers"));
        app.settle().await;
        assert_eq!(known(&alice, "pi_poison").await["transaction"]["state"], "failed");
        assert!(dead(app).await.is_empty());
    }
}
