use testkit::{TestApp, json};

use crate::sandbox::gateway;
use crate::{known, modules, sandbox_of, tx};

/// A failed invoice in the sandbox, and a link for it.
async fn failed_with_link(app: &TestApp, of: &testkit::Client, connection: &str) -> (String, String) {
    let body = json!({"connection_id": connection, "customer": "paula@example.com", "amount": 4900, "currency": "EUR",
        "payment_method": "pm_race", "outcomes": ["insufficient_funds", "succeeded"], "invoice": true});
    let reference = app.nobody().post("/dev/sandbox/charge", body).await.expect(201)["ref"].as_str().expect("a reference").to_owned();
    app.settle().await;
    let transaction = known(of, &reference).await["transaction_id"].as_str().expect("an id").parse().expect("an id");
    let mut tx = tx(app, of).await;
    let expires_at = tx.now() + chrono::Duration::hours(24);
    let (_, token) = billing::links::issue(&mut tx, transaction, expires_at).await.expect("a link");
    tx.commit().await.expect("a commit");
    (reference, format!("/pay/{}", token.expose()))
}

async fn post(app: &TestApp, path: &str, form: &[(&str, &str)]) -> testkit::Answer {
    let nobody = app.nobody();
    nobody.send(nobody.request("POST".parse().expect("a method"), path).form(form)).await
}

const RIGHT: &str = "sk_test_of_the_right_account";

/// A surplus whose refund the provider refuses: the payment's reference, its connection's path, and a
/// gateway that still has the right key.
async fn refused(app: &TestApp, by: &testkit::Client) -> (String, String, billing::Gateway) {
    let body = json!({"provider": "sandbox", "api_key": RIGHT});
    let connection = by.post("/v1/payment-connections", body).await.expect(201)["id"].as_str().expect("an id").to_owned();
    let (reference, link) = failed_with_link(app, by, &connection).await;
    let page = post(app, &link, &[]).await.header("location").to_owned();
    let gateway = gateway(app, by, &connection).await;
    let action = billing::Action::PayInvoice { invoice: reference.clone(), payment_method: None };
    gateway.execute(&action, &billing::IdempotencyKey::of("rc", 1)).await.expect("paid");
    assert_eq!(post(app, &page, &[("payment_method", "pm_card_visa")]).await.status, 303);
    let path = format!("/v1/payment-connections/{connection}");
    by.patch(&path, json!({"api_key": "sk_test_of_another_account"})).await.expect(200);
    app.settle().await;
    let found = known(by, &reference).await;
    assert_eq!((back(&found), waiting(&found)), (0, 1), "{found}");
    (reference, path, gateway)
}

fn receipts(known: &testkit::Value) -> &[testkit::Value] {
    known["receipts"].as_array().expect("receipts")
}

fn back(known: &testkit::Value) -> i64 {
    receipts(known).iter().map(|one| one["refunded"]["minor"].as_i64().unwrap_or_default()).sum()
}

fn waiting(known: &testkit::Value) -> usize {
    receipts(known).iter().filter(|one| one["refund_by_hand_since"].is_string()).count()
}

/// Somebody gives a part of the surplus back at the provider, who tells of it.
async fn give_back_by_hand(app: &TestApp, gateway: &billing::Gateway, known: &testkit::Value, minor: i64) {
    let waiting = receipts(known).iter().find(|one| one["refund_by_hand_since"].is_string()).expect("one that waits");
    let method = if waiting["via"] == "link" { "pm_card_visa" } else { "pm_race" };
    let charges = app.nobody().get(&format!("/dev/sandbox/charges?payment_method={method}")).await.expect(200);
    let charge = charges.as_array().into_iter().flatten().find(|one| one["status"] == "succeeded").expect("a charge");
    let text = |field: &str| charge[field].as_str().map(str::to_owned);
    let refs = billing::provider::Refs { charge: text("id"), intent: text("payment_intent"), ..Default::default() };
    let action = billing::Action::Refund { refs, amount: kernel::Money::new(minor, "EUR".parse().expect("a currency")) };
    gateway.execute(&action, &billing::IdempotencyKey::of("by_hand", 1)).await.expect("given back");
    app.settle().await;
}

testkit::stories! {
    async fn when_payer_and_retry_race_the_second_payment_goes_back(app: TestApp) {
        let alice = app.alice().await;
        let connection = sandbox_of(&alice).await;
        let (reference, link) = failed_with_link(app, &alice, &connection).await;
        let page = post(app, &link, &[]).await.header("location").to_owned();
        // The retry and the payer pay at the same moment; no webhook has arrived yet.
        let gateway = gateway(app, &alice, &connection).await;
        let action = billing::Action::PayInvoice { invoice: reference.clone(), payment_method: None };
        gateway.execute(&action, &billing::IdempotencyKey::of("rc", 1)).await.expect("paid");
        assert_eq!(post(app, &page, &[("payment_method", "pm_card_visa")]).await.status, 303);
        app.settle().await;
        let found = known(&alice, &reference).await;
        assert_eq!((found["transaction"]["state"].as_str(), found["transaction"]["amount_paid"]["minor"].as_i64()), (Some("paid"), Some(4900)), "{found}");
        let receipts = found["receipts"].as_array().expect("receipts");
        let sum = |field: &str| receipts.iter().map(|receipt| receipt[field]["minor"].as_i64().unwrap_or_default()).sum::<i64>();
        assert_eq!((receipts.len(), sum("counted"), sum("surplus"), sum("refunded")), (2, 4900, 4900, 4900), "{found}");
        let charges = app.nobody().get("/dev/sandbox/charges").await.expect(200);
        let back: i64 = charges.as_array().into_iter().flatten().map(|charge| charge["amount_refunded"].as_i64().unwrap_or_default()).sum();
        assert_eq!(back, 4900, "{charges}");
    }

    async fn an_invoice_that_was_paid_by_link_is_closed_at_the_provider(app: TestApp) {
        let alice = app.alice().await;
        let connection = sandbox_of(&alice).await;
        let (reference, link) = failed_with_link(app, &alice, &connection).await;
        let page = post(app, &link, &[]).await.header("location").to_owned();
        post(app, &page, &[("payment_method", "pm_card_visa")]).await;
        app.settle().await;
        let found = known(&alice, &reference).await;
        assert_eq!((found["transaction"]["state"].as_str(), found["receipts"].as_array().map(Vec::len)), (Some("paid"), Some(1)), "{found}");
        assert_eq!(found["receipts"][0]["surplus"]["minor"], 0, "marking it as paid moves no money");
        let invoice = gateway(app, &alice, &connection).await.read_back(&billing::ProviderRef::Invoice(reference)).await.expect("a state");
        assert_eq!(invoice.status, billing::PaymentStatus::Succeeded, "the invoice still collects");
    }

    async fn a_refund_that_the_provider_refuses_waits_and_goes_on_when_the_key_is_mended(app: TestApp) {
        let alice = app.alice().await;
        let (reference, path, _) = refused(app, &alice).await;
        alice.patch(&path, json!({"api_key": RIGHT})).await.expect(200);
        app.settle().await;
        let found = known(&alice, &reference).await;
        assert_eq!((back(&found), waiting(&found)), (4900, 0), "{found}");
    }

    async fn the_audit_trail_tells_what_we_gave_back_and_not_what_somebody_gave_back_before(app: TestApp) {
        let alice = app.alice().await;
        let (reference, path, gateway) = refused(app, &alice).await;
        give_back_by_hand(app, &gateway, &known(&alice, &reference).await, 1000).await;
        alice.patch(&path, json!({"api_key": RIGHT})).await.expect(200);
        app.settle().await;
        let found = known(&alice, &reference).await;
        assert_eq!((back(&found), waiting(&found)), (4900, 0), "{found}");
        let trail = alice.get("/v1/audit?limit=100").await.ok();
        let line = trail.as_array().into_iter().flatten().find(|line| line["action"] == "transaction.surplus_refunded").expect("a line");
        assert_eq!(line["after"]["amount"], json!({"minor": 3900, "currency": "EUR"}), "{line}");
    }
}
