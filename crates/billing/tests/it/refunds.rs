//! Money that goes back: sums, bounds, other currencies, and what only a person can give back.

use testkit::{Client, TestApp, Value, json};

use crate::{INTENT, deliver, fixture, known, modules, stripe};

/// What the provider tells of a refund: the sum of all so far.
fn refund(event: &str, sum: i64, currency: &str) -> Value {
    let mut refund = fixture!("charge.refunded.new");
    refund["id"] = json!(event);
    refund["data"]["object"]["amount_refunded"] = json!(sum);
    refund["data"]["object"]["currency"] = json!(currency);
    refund
}

async fn paid(app: &TestApp, connection: &str) {
    for event in [fixture!("payment_intent.payment_failed.new"), fixture!("payment_intent.succeeded.new")] {
        assert_eq!(deliver(app, connection, &event).await.status, 200);
    }
}

/// The state, what went back of the first receipt, and what became of an event.
async fn after(by: &Client, event: &str) -> (String, i64, String, String) {
    let found = known(by, INTENT).await;
    let told = found["events"].as_array().into_iter().flatten().find(|row| row["event_id"] == event).cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let back = found["receipts"][0]["refunded"]["minor"].as_i64().unwrap_or(-1);
    (text(&found["transaction"]["state"]), back, text(&told["state"]), text(&told["reason"]))
}

fn is(state: &str, back: i64, event: &str, reason: &str) -> (String, i64, String, String) {
    (state.into(), back, event.into(), reason.into())
}

testkit::stories! {
    async fn refunds_in_parts_sum_up_and_an_older_sum_changes_nothing(app: TestApp) {
        let alice = app.alice().await;
        let id = stripe(&alice).await;
        paid(app, &id).await;
        for (event, sum, expected) in [
            ("evt_r1", 1900, is("paid", 1900, "applied", "")),
            ("evt_r3", 3000, is("paid", 3000, "applied", "")),
            ("evt_r2", 2500, is("paid", 3000, "ignored", "nothing_new")),
            ("evt_r4", 4900, is("refunded", 4900, "applied", "")),
        ] {
            deliver(app, &id, &refund(event, sum, "eur")).await;
            assert_eq!(after(&alice, event).await, expected);
        }
    }

    async fn no_more_goes_back_than_has_arrived(app: TestApp) {
        let alice = app.alice().await;
        let id = stripe(&alice).await;
        paid(app, &id).await;
        deliver(app, &id, &refund("evt_much", 9900, "eur")).await;
        assert_eq!(after(&alice, "evt_much").await, is("refunded", 4900, "failed", "refund_too_large"));
    }

    async fn a_refund_in_another_currency_is_told_and_not_counted(app: TestApp) {
        let alice = app.alice().await;
        let id = stripe(&alice).await;
        paid(app, &id).await;
        deliver(app, &id, &refund("evt_usd", 4900, "usd")).await;
        assert_eq!(after(&alice, "evt_usd").await, is("paid", 0, "failed", "currency_differs"));
        assert_eq!(crate::events_named(app, "billing.attention_needed").await, 1);
    }

    async fn money_in_another_currency_is_told_and_never_added(app: TestApp) {
        let alice = app.alice().await;
        let id = stripe(&alice).await;
        let mut dollars = fixture!("payment_intent.succeeded.new");
        dollars["data"]["object"]["currency"] = json!("usd");
        for event in [fixture!("payment_intent.payment_failed.new"), dollars] {
            assert_eq!(deliver(app, &id, &event).await.status, 200);
        }
        let found = known(&alice, INTENT).await;
        assert_eq!((found["transaction"]["state"].as_str(), found["transaction"]["amount_paid"]["minor"].as_i64()), (Some("failed"), Some(0)));
        assert_eq!(crate::events_named(app, "billing.attention_needed").await, 1);
    }

    async fn a_surplus_without_a_key_waits_for_a_person_and_goes_back_when_a_key_comes(app: TestApp) {
        let alice = app.alice().await;
        let id = stripe(&alice).await;
        paid(app, &id).await;
        let mut second = fixture!("payment_intent.succeeded.new");
        second["id"] = json!("evt_second");
        second["data"]["object"]["metadata"] = json!({"autorisen_transaction": known(&alice, INTENT).await["transaction_id"]});
        second["data"]["object"]["id"] = json!("pi_second");
        second["data"]["object"]["latest_charge"] = json!("ch_second");
        deliver(app, &id, &second).await;
        app.settle().await;
        let waiting = |found: &Value| found["receipts"].as_array().into_iter().flatten().filter(|row| row["refund_by_hand_since"].is_string()).count();
        assert_eq!(waiting(&known(&alice, INTENT).await), 1, "shown, and no dead letter");
        let mut back = refund("evt_by_hand", 4900, "eur");
        back["data"]["object"]["id"] = json!("ch_second");
        back["data"]["object"]["payment_intent"] = json!("pi_second");
        deliver(app, &id, &back).await;
        let found = known(&alice, INTENT).await;
        assert_eq!((waiting(&found), found["transaction"]["state"].as_str()), (0, Some("paid")), "somebody gave it back: {found}");
        assert_eq!(crate::events_named(app, "billing.attention_ended").await, 1);
    }
}
