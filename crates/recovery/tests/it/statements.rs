//! What the taking in of a failure costs the database, with the case that it opens and its first plan.

use store::testing;
use testkit::{Client, TestApp, json};

use crate::{modules, sandbox_of};

/// Statements of one report of a new payment of a new payer, with a card and a key against repetition.
const NEW_MAX: u64 = 24;
/// Statements of one report that came before.
const KNOWN_MAX: u64 = 3;

async fn report(by: &Client, event: &str) -> testkit::Answer {
    let body = json!({
        "event_id": event, "transaction_ref": format!("order-{event}"), "amount": 4900, "currency": "EUR", "gateway": "sandbox", "failure_code": "insufficient_funds",
        "occurred_at": "2026-03-02T08:59:00Z", "customer": {"email": format!("{event}@example.com"), "external_ref": event},
        "payment_method": {"token": format!("pm_{event}"), "network": "visa", "country": "DE", "fingerprint": "fp1"},
    });
    by.post_once("/v1/events/payment_failed", event, body).await
}

/// The statements of the last transaction that a key of acme committed.
fn last(app: &TestApp) -> u64 {
    let of_keys: Vec<_> = testing::committed(&app.core.store).into_iter().filter(|(actor, _)| actor.starts_with("key_")).collect();
    of_keys.last().expect("one was committed").1
}

testkit::stories! {
    async fn a_report_takes_few_statements(app: TestApp) {
        sandbox_of(&app.alice().await).await;
        let clerk = app.clerk(&["events:write", "cases:read"]).await;
        testing::record(&app.core.store);
        clerk.post("/v1/classify", json!({"failure_code": "insufficient_funds"})).await.expect(200);
        assert_eq!(last(app), 0, "classifying asks the database nothing");
        report(&clerk, "e-1").await.expect(201);
        let first = last(app);
        assert!(first <= NEW_MAX, "{first} statements for a new payment");
        let body = json!({
            "event_id": "e-1", "transaction_ref": "order-e-1", "amount": 4900, "currency": "EUR", "gateway": "sandbox",
            "occurred_at": "2026-03-02T08:59:00Z", "customer": {},
        });
        clerk.post("/v1/events/payment_failed", body).await.expect(200);
        let again = last(app);
        assert!(again <= KNOWN_MAX, "{again} statements for a known one");
        app.expect_mail();
    }

    async fn a_new_case_asks_for_no_work_before_its_plan_does(app: TestApp) {
        sandbox_of(&app.alice().await).await;
        let clerk = app.clerk(&["events:write", "cases:read"]).await;
        app.settle().await;
        let case = report(&clerk, "e-1").await.ok()["case_id"].as_str().expect("a case").to_owned();
        let engine = app.core.parts.get::<flows::Engine>();
        let due = engine.next_due(&app.core).await.expect("asked").expect("the case has a run");
        let planned = clerk.get(&format!("/v1/cases/{case}")).await.ok()["next_action_at"].clone();
        assert!(due > app.now(), "nobody looks at a case that was planned just now");
        assert_eq!(json!(due), planned, "but at the instant that was planned");
        app.expect_mail();
    }
}
