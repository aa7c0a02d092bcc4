use billing::transactions;
use kernel::{Actor, OrgId};
use store::Tx;
use testkit::{Client, TestApp, json};

use crate::{case, charges, days, failed, modules, report, send, stage, states, to_next_action};

pub async fn tx(app: &TestApp) -> Tx {
    let org: OrgId = app.alice().await.profile["organization"]["id"].as_str().expect("an organization").parse().expect("an id");
    Tx::for_org(&app.core.store, org, Actor::System("story")).await.expect("a transaction")
}

/// What is said of the transaction of a case by something that holds it.
async fn held(app: &TestApp, of: &Client, reference: &str) -> (Tx, transactions::Model) {
    let id = case(of, reference).await["transaction_id"].as_str().expect("an id").parse().expect("an id");
    let mut tx = tx(app).await;
    let held = transactions::hold(&mut tx, id).await.expect("an answer").expect("a transaction");
    (tx, held)
}

pub async fn void(app: &TestApp, of: &Client, reference: &str) {
    let (mut tx, held) = held(app, of, reference).await;
    transactions::void(&mut tx, held).await.expect("an answer");
    tx.commit().await.expect("a commit");
}

/// Money of so many minor units from the provider, for the transaction of a case.
pub async fn money(app: &TestApp, of: &Client, reference: &str, minor: i64, key: &str) {
    let id = case(of, reference).await["transaction_id"].as_str().expect("an id").parse().expect("an id");
    let mut tx = tx(app).await;
    let held = transactions::hold(&mut tx, id).await.expect("an answer").expect("a transaction");
    let new = transactions::NewReceipt {
        refs: billing::provider::Refs { intent: Some(key.into()), ..Default::default() },
        money_key: key.into(),
        amount: held.money(minor),
        via: billing::event::Via::Provider,
        received_at: tx.now(),
        attempt: None,
        link: None,
    };
    transactions::receive(&mut tx, held, new).await.expect("an answer");
    tx.commit().await.expect("a commit");
}

/// So much of the money with this key goes back.
pub async fn refunded(app: &TestApp, of: &Client, reference: &str, minor: i64, key: &str) {
    let (mut tx, held) = held(app, of, reference).await;
    let (refs, back) = (billing::provider::Refs { intent: Some(key.into()), ..Default::default() }, held.money(minor));
    transactions::record_refund(&mut tx, held, &refs, back).await.expect("an answer");
    tx.commit().await.expect("a commit");
}

/// The payer's bank takes the money back, if there was any.
pub async fn disputed(app: &TestApp, of: &Client, reference: &str) {
    let (mut tx, held) = held(app, of, reference).await;
    transactions::dispute(&mut tx, held).await.expect("an answer");
    tx.commit().await.expect("a commit");
}

testkit::stories! {
    async fn money_without_our_doing_cancels_all_that_was_planned(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let reference = failed(app, &connection, "pm_a", &["insufficient_funds"]).await;
        assert_eq!(states(&case(&clerk, &reference).await, "attempts"), ["planned"]);
        money(app, &clerk, &reference, 4900, "pi_else").await;
        let found = case(&clerk, &reference).await;
        assert_eq!((found["state"].as_str(), found["outcome"]["mechanism"].as_str()), (Some("recovered"), Some("organic")));
        assert_eq!(states(&found, "attempts"), ["cancelled"], "in the same transaction");
        days(app, 28).await;
        assert_eq!(charges(app, "pm_a").await.len(), 1);
    }

    async fn a_part_is_a_partial_recovery_and_the_rest_completes_it(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let reference = failed(app, &connection, "pm_b", &["insufficient_funds"]).await;
        money(app, &clerk, &reference, 1900, "pi_1").await;
        let found = case(&clerk, &reference).await;
        assert_eq!((found["state"].as_str(), found["paid"]["minor"].as_i64()), (Some("partially_recovered"), Some(1900)));
        money(app, &clerk, &reference, 3000, "pi_2").await;
        let found = case(&clerk, &reference).await;
        assert_eq!((found["state"].as_str(), found["outcome"]["amount"]["minor"].as_i64()), (Some("recovered"), Some(4900)));
        app.settle().await;
    }

    async fn money_that_goes_back_reverses_and_never_reopens(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let reference = failed(app, &connection, "pm_c", &["insufficient_funds"]).await;
        money(app, &clerk, &reference, 4900, "pi_1").await;
        let id = case(&clerk, &reference).await["transaction_id"].as_str().expect("an id").parse().expect("an id");
        let mut tx = tx(app).await;
        let held = transactions::hold(&mut tx, id).await.expect("an answer").expect("a transaction");
        let (refs, all) = (billing::provider::Refs { intent: Some("pi_1".into()), ..Default::default() }, held.money(4900));
        transactions::record_refund(&mut tx, held, &refs, all).await.expect("an answer");
        tx.commit().await.expect("a commit");
        let found = case(&clerk, &reference).await;
        assert_eq!((found["state"].as_str(), found["outcome"]["reversed_minor"].as_i64()), (Some("reversed"), Some(4900)));
        let rates = clerk.get("/v1/analytics/recovery_rate").await.expect(200);
        assert_eq!(rates["currencies"][0]["amount_recovered"]["minor"], 0, "net of what went back");
        app.settle().await;
    }

    async fn what_is_void_is_cancelled(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let reference = failed(app, &connection, "pm_d", &["insufficient_funds"]).await;
        let id = case(&clerk, &reference).await["transaction_id"].as_str().expect("an id").parse().expect("an id");
        let mut tx = tx(app).await;
        let held = transactions::hold(&mut tx, id).await.expect("an answer").expect("a transaction");
        transactions::void(&mut tx, held).await.expect("an answer");
        tx.commit().await.expect("a commit");
        assert_eq!(case(&clerk, &reference).await["state"], "cancelled");
        days(app, 28).await;
        assert_eq!(charges(app, "pm_d").await.len(), 1);
    }

    async fn money_of_a_case_that_has_ended_meanwhile_is_recorded_and_given_back(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let reference = failed(app, &connection, "pm_late", &["do_not_honor", "timeout_after_charge"]).await;
        app.nobody().post("/dev/sandbox/faults", json!({"drop": true})).await.expect(200);
        to_next_action(app, &case(&clerk, &reference).await).await;
        assert_eq!(case(&clerk, &reference).await["state"], "sync_pending");
        void(app, &clerk, &reference).await;
        let found = case(&clerk, &reference).await;
        assert_eq!((found["state"].as_str(), states(&found, "attempts")), (Some("cancelled"), vec!["unknown".to_owned()]));
        app.advance(chrono::Duration::hours(1)).await;
        let found = case(&clerk, &reference).await;
        assert_eq!((found["state"].as_str(), states(&found, "attempts")), (Some("cancelled"), vec!["succeeded".to_owned()]), "{found}");
        assert_eq!(charges(app, "pm_late").await[1]["amount_refunded"], 4900);
    }

    async fn a_decline_after_the_case_has_ended_is_recorded_too(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let reference = failed(app, &connection, "pm_lost", &["do_not_honor", "timeout_after_decline"]).await;
        app.nobody().post("/dev/sandbox/faults", json!({"drop": true})).await.expect(200);
        to_next_action(app, &case(&clerk, &reference).await).await;
        void(app, &clerk, &reference).await;
        app.advance(chrono::Duration::hours(1)).await;
        let found = case(&clerk, &reference).await;
        assert_eq!((found["state"].as_str(), states(&found, "attempts")), (Some("cancelled"), vec!["declined".to_owned()]), "{found}");
    }

    async fn a_reported_invoice_that_a_retry_pays_is_counted_once(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        app.nobody().post("/dev/sandbox/faults", json!({"drop": true})).await.expect(200);
        let body = json!({"connection_id": connection, "customer": crate::PAULA, "amount": 4900, "currency": "EUR", "payment_method": "pm_inv", "outcomes": ["do_not_honor", "succeeded"], "invoice": true});
        let invoice = app.nobody().post("/dev/sandbox/charge", body).await.expect(201)["ref"].as_str().expect("a reference").to_owned();
        app.nobody().post("/dev/sandbox/faults", json!({})).await.expect(200);
        let mut told = report("e-1", &invoice, "do_not_honor");
        told["payment_method"]["token"] = json!("pm_inv");
        send(&clerk, told).await;
        days(app, 3).await;
        let found = case(&clerk, &invoice).await;
        assert_eq!((found["state"].as_str(), found["outcome"]["mechanism"].as_str()), (Some("recovered"), Some("retry")), "{found}");
        assert_eq!(found["paid"]["minor"], 4900);
        let made = charges(app, "pm_inv").await;
        assert_eq!((made.len(), made[1]["amount_refunded"].as_i64()), (2, Some(0)), "one movement of money, however it is named");
        app.expect_mail();
    }

    async fn a_dispute_reverses_what_was_won(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let reference = failed(app, &connection, "pm_back", &["insufficient_funds"]).await;
        money(app, &clerk, &reference, 4900, "pi_1").await;
        let (mut tx, held) = held(app, &clerk, &reference).await;
        assert!(transactions::dispute(&mut tx, held).await.expect("an answer"));
        tx.commit().await.expect("a commit");
        let found = case(&clerk, &reference).await;
        assert_eq!((found["state"].as_str(), found["outcome"]["reversed_minor"].as_i64()), (Some("reversed"), Some(4900)), "{found}");
        app.settle().await;
    }

    async fn a_card_with_new_data_is_tried_once_more_and_at_once(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let reference = failed(app, &connection, "pm_old", &["expired_card", "succeeded"]).await;
        assert_eq!(case(&clerk, &reference).await["hardness"], "needs_data");
        let facts = billing::provider::MethodFacts { token: "pm_old".into(), exp_month: Some(8), exp_year: Some(2039), ..Default::default() };
        let mut tx = tx(app).await;
        billing::methods::remember(&mut tx, &connection, &facts, None).await.expect("an answer");
        tx.commit().await.expect("a commit");
        app.advance(chrono::Duration::hours(2)).await;
        let found = case(&clerk, &reference).await;
        assert_eq!((found["state"].as_str(), found["outcome"]["mechanism"].as_str()), (Some("recovered"), Some("method_update_then_retry")), "{found}");
        app.expect_mail();
    }

    async fn all_of_it_is_told_in_the_customers_story(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let reference = failed(app, &connection, "pm_e", &["do_not_honor", "do_not_honor", "succeeded"]).await;
        days(app, 6).await;
        let customer = case(&clerk, &reference).await["customer_id"].as_str().expect("a customer").to_owned();
        let story = clerk.get(&format!("/v1/customers/{customer}/timeline")).await.expect(200);
        let kinds: Vec<_> = story.as_array().into_iter().flatten().map(|line| line["kind"].clone()).collect();
        for kind in ["case.opened", "attempt.declined", "case.closed"] {
            assert!(kinds.contains(&json!(kind)), "{kind} in {kinds:?}");
        }
        app.expect_mail();
    }
}
