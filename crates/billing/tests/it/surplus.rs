use testkit::{TestApp, Value, json};

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
}

/// By hand, so that the key changes after both payments are known, which are asked for with it, and before
/// the second one goes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_that_the_provider_refuses_waits_and_goes_on_when_the_key_is_mended() {
    for engine in testkit::engines() {
        let app = TestApp::start_with(engine, modules(), testkit::Options { by_hand: true, ..Default::default() }).await;
        refused_and_mended(&app).await;
        app.finish().await;
    }
}

async fn refused_and_mended(app: &TestApp) {
    let alice = app.alice().await;
    let body = json!({"provider": "sandbox", "api_key": "sk_test_of_the_right_account"});
    let connection = alice.post("/v1/payment-connections", body).await.expect(201)["id"].as_str().expect("an id").to_owned();
    let (reference, link) = failed_with_link(app, &alice, &connection).await;
    let page = post(app, &link, &[]).await.header("location").to_owned();
    let action = billing::Action::PayInvoice { invoice: reference.clone(), payment_method: None };
    gateway(app, &alice, &connection).await.execute(&action, &billing::IdempotencyKey::of("rc", 1)).await.expect("paid");
    assert_eq!(post(app, &page, &[("payment_method", "pm_card_visa")]).await.status, 303);
    while sum(&known(&alice, &reference).await, "surplus") == 0 {
        app.turn().await;
    }
    let path = format!("/v1/payment-connections/{connection}");
    alice.patch(&path, json!({"api_key": "sk_test_of_another_account"})).await.expect(200);
    app.settle().await;
    let found = known(&alice, &reference).await;
    assert_eq!((sum(&found, "surplus"), sum(&found, "refunded"), waiting(&found)), (4900, 0, 1), "{found}");
    alice.patch(&path, json!({"api_key": "sk_test_of_the_right_account"})).await.expect(200);
    app.settle().await;
    let found = known(&alice, &reference).await;
    assert_eq!((sum(&found, "surplus"), sum(&found, "refunded"), waiting(&found)), (4900, 4900, 0), "{found}");
}

fn sum(found: &Value, what: &str) -> i64 {
    receipts(found).map(|receipt| receipt[what]["minor"].as_i64().unwrap_or_default()).sum()
}

/// How many receipts wait for a person to give back what is too much.
fn waiting(found: &Value) -> usize {
    receipts(found).filter(|receipt| receipt["refund_by_hand_since"].is_string()).count()
}

fn receipts(found: &Value) -> impl Iterator<Item = &Value> {
    found["receipts"].as_array().into_iter().flatten()
}
