use billing::{Action, ActionResult, IdempotencyKey, PaymentStatus, ProviderError, ProviderRef, Providers};
use kernel::Money;
use testkit::{Client, TestApp, Value, json};

use crate::{known, modules, sandbox_of, tx};

/// A gateway of the connection, as recovery uses it.
pub async fn gateway(app: &TestApp, of: &Client, connection: &str) -> billing::Gateway {
    let mut tx = tx(app, of).await;
    let providers = app.core.parts.get::<Providers>();
    billing::gateway(&mut tx, &providers, connection.parse().expect("an id")).await.expect("a gateway")
}

async fn script(app: &TestApp, method: &str, outcomes: &[&str]) {
    app.nobody().post("/dev/sandbox/script", json!({"payment_method": method, "outcomes": outcomes})).await.expect(200);
}

async fn charges(app: &TestApp, method: &str) -> Vec<Value> {
    let found = app.nobody().get(&format!("/dev/sandbox/charges?payment_method={method}")).await.expect(200);
    found.as_array().cloned().unwrap_or_default()
}

fn charge(method: &str) -> Action {
    Action::ChargeOffSession {
        amount: Money::new(4900, "EUR".parse().expect("a currency")),
        customer: None,
        payment_method: method.into(),
        tags: Default::default(),
    }
}

async fn failing(app: &TestApp, connection: &str, invoice: bool) -> Value {
    let body = json!({"connection_id": connection, "customer": "paula@example.com", "amount": 4900, "currency": "EUR", "payment_method": "pm_story",
        "outcomes": ["insufficient_funds", "succeeded"], "invoice": invoice});
    let made = app.nobody().post("/dev/sandbox/charge", body).await.expect(201);
    app.settle().await;
    made
}

testkit::stories! {
    async fn outcomes_come_in_order_and_the_last_repeats(app: TestApp) {
        let alice = app.alice().await;
        let id = sandbox_of(&alice).await;
        let gateway = gateway(app, &alice, &id).await;
        script(app, "pm_a", &["insufficient_funds", "expired_card", "succeeded"]).await;
        let mut seen = vec![];
        for round in 0..4 {
            let answer = gateway.execute(&charge("pm_a"), &IdempotencyKey::of("story", round)).await;
            seen.push(match answer {
                Ok(ActionResult::Charged(state)) => format!("{:?}", state.status),
                Err(ProviderError::Declined(state)) => state.decline.and_then(|decline| decline.decline_code).unwrap_or_default(),
                other => format!("{other:?}"),
            });
        }
        assert_eq!(seen, ["insufficient_funds", "expired_card", "Succeeded", "Succeeded"]);
        assert_eq!(charges(app, "pm_a").await.len(), 4);
        app.settle().await;
    }

    async fn the_same_key_never_charges_twice(app: TestApp) {
        let alice = app.alice().await;
        let id = sandbox_of(&alice).await;
        let gateway = gateway(app, &alice, &id).await;
        script(app, "pm_a", &["do_not_honor", "succeeded"]).await;
        let key = IdempotencyKey::of("story", 1);
        for _ in 0..3 {
            assert!(matches!(gateway.execute(&charge("pm_a"), &key).await, Err(ProviderError::Declined(_))), "the first answer is kept");
        }
        assert_eq!(charges(app, "pm_a").await.len(), 1);
        let other = gateway.execute(&charge("pm_b"), &key).await;
        assert!(matches!(other, Err(ProviderError::Refused { .. })), "{other:?}");
        app.settle().await;
    }

    async fn a_lost_answer_is_unknown_and_read_back(app: TestApp) {
        let alice = app.alice().await;
        let id = sandbox_of(&alice).await;
        let gateway = gateway(app, &alice, &id).await;
        let made = failing(app, &id, false).await;
        script(app, "pm_story", &["timeout_after_charge"]).await;
        let intent = made["payment_intent"].as_str().expect("an intent").to_owned();
        let action = Action::ConfirmExisting { intent: intent.clone(), payment_method: None };
        let key = IdempotencyKey::of("story", 1);
        assert!(matches!(gateway.execute(&action, &key).await, Err(ProviderError::Unknown(_))));
        let state = gateway.read_back(&ProviderRef::Intent(intent)).await.expect("a state");
        assert_eq!(state.status, PaymentStatus::Succeeded);
        assert!(matches!(gateway.execute(&action, &key).await, Ok(ActionResult::Charged(_))), "the same key repeats the answer");
        assert_eq!(charges(app, "pm_story").await.iter().filter(|charge| charge["status"] == "succeeded").count(), 1);
        app.settle().await;
    }

    async fn a_failing_charge_arrives_as_a_signed_webhook_and_its_retry_pays(app: TestApp) {
        let alice = app.alice().await;
        let id = sandbox_of(&alice).await;
        for invoice in [false, true] {
            let made = failing(app, &id, invoice).await;
            let reference = made["ref"].as_str().expect("a reference").to_owned();
            let found = known(&alice, &reference).await;
            assert_eq!((found["transaction"]["state"].as_str(), found["failures"].as_array().map(Vec::len)), (Some("failed"), Some(1)), "{found}");
            assert_eq!(found["transaction"]["ref"], reference.as_str(), "the invoice, else the intent");
            let action = match made["invoice"].as_str() {
                Some(invoice) => Action::PayInvoice { invoice: invoice.into(), payment_method: None },
                None => Action::ConfirmExisting { intent: reference.clone(), payment_method: None },
            };
            let paid = gateway(app, &alice, &id).await.execute(&action, &IdempotencyKey::of("retry", &reference)).await.expect("paid");
            assert!(matches!(paid, ActionResult::Charged(state) if state.status == PaymentStatus::Succeeded));
            app.settle().await;
            let found = known(&alice, &reference).await;
            assert_eq!((found["transaction"]["state"].as_str(), found["receipts"].as_array().map(Vec::len)), (Some("paid"), Some(1)), "{found}");
            assert_eq!(found["receipts"][0]["surplus"]["minor"], 0);
        }
    }

    async fn twice_late_and_out_of_order_is_the_same_in_the_end(app: TestApp) {
        let alice = app.alice().await;
        let id = sandbox_of(&alice).await;
        app.nobody().post("/dev/sandbox/faults", json!({"duplicate": true, "reorder": true, "delay_s": 5})).await.expect(200);
        let reference = failing(app, &id, true).await["ref"].as_str().expect("a reference").to_owned();
        let action = Action::PayInvoice { invoice: reference.clone(), payment_method: None };
        gateway(app, &alice, &id).await.execute(&action, &IdempotencyKey::of("retry", 1)).await.expect("paid");
        app.advance(chrono::Duration::minutes(2)).await;
        let found = known(&alice, &reference).await;
        assert_eq!((found["transaction"]["state"].as_str(), found["failures"].as_array().map(Vec::len), found["receipts"].as_array().map(Vec::len)), (Some("paid"), Some(1), Some(1)), "{found}");
    }

    async fn the_sandbox_knows_its_accounts_and_its_words(app: TestApp) {
        let nobody = app.nobody();
        let answer = nobody.get("/dev/sandbox/stripe/v1/payment_intents/pi_1").await;
        assert_eq!((answer.status, answer.body["error"]["type"].as_str()), (401, Some("invalid_request_error")));
        nobody.post("/dev/sandbox/script", json!({"payment_method": "pm_a", "outcomes": []})).await.refused(422, "validation_failed");
        nobody.post("/dev/sandbox/script", json!({"payment_method": "pm_a", "outcomes": ["Not A Code"]})).await.refused(422, "validation_failed");
    }

    async fn payments_are_listed_newest_first_and_on_the_customers_page(app: TestApp) {
        let alice = app.alice().await;
        let id = sandbox_of(&alice).await;
        failing(app, &id, false).await;
        let list = alice.get("/v1/transactions?state=failed&limit=1").await.expect(200);
        let one = &list[0];
        assert_eq!(one["amount_due"], json!({"minor": 4900, "currency": "EUR"}));
        let path = format!("/v1/transactions/{}", one["id"].as_str().expect("an id"));
        assert_eq!(alice.get(&path).await.expect(200)["ref"], one["ref"]);
        app.mallory().await.get(&path).await.refused(404, "transaction_not_found");
        assert_eq!(alice.get("/v1/transactions?state=paid").await.expect(200), json!([]));
        let page = alice.get(&format!("/customers/{}", one["customer_id"].as_str().expect("a customer"))).await;
        assert!(page.text.contains("49.00 EUR") && page.text.contains(one["ref"].as_str().expect("a reference")), "{}", page.text);
    }
}
