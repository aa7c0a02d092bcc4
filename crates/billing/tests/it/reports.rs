use testkit::{Client, Value, json};

use crate::{deliver, fixture, known, modules, stripe};

fn report(event: &str, reference: &str) -> Value {
    json!({
        "event_id": event, "transaction_ref": reference, "amount": 4900, "currency": "EUR", "gateway": "stripe", "failure_code": "insufficient_funds",
        "occurred_at": "2026-03-02T08:59:00Z", "customer": {"email": "paula@example.com", "external_ref": "cust-7", "timezone": "Europe/Berlin"},
        "payment_method": {"token": "pm_1", "network": "visa", "funding": "credit", "country": "DE", "last4": "0341", "exp_month": 8, "exp_year": 2028, "fingerprint": "fp1"},
        "metadata": {"order": "A-1"},
    })
}

async fn send(by: &Client, body: Value) -> testkit::Answer {
    by.post("/v1/events/payment_failed", body).await
}

testkit::stories! {
    async fn a_report_is_answered_with_its_case_and_once(app: TestApp) {
        let alice = app.alice().await;
        stripe(&alice).await;
        let first = send(&alice, report("e-1", "in_77")).await.expect(201);
        assert_eq!((first["duplicate"].as_bool(), first["classification"]["class"].as_str()), (Some(false), Some("insufficient_funds")));
        let second = send(&alice, report("e-1", "in_77")).await.expect(200);
        assert_eq!((&second["transaction_id"], &second["case_id"], second["duplicate"].as_bool()), (&first["transaction_id"], &first["case_id"], Some(true)));
        let third = send(&alice, report("e-2", "in_77")).await.expect(201);
        assert_eq!(third["transaction_id"], first["transaction_id"], "the same obligation failed again");
        assert_eq!(known(&alice, "in_77").await["failures"].as_array().map(Vec::len), Some(2));
    }

    async fn the_only_connection_is_meant_and_joins_with_its_webhooks(app: TestApp) {
        let alice = app.alice().await;
        let id = stripe(&alice).await;
        send(&alice, report("e-1", crate::INTENT)).await.expect(201);
        deliver(app, &id, &fixture!("payment_intent.succeeded.new")).await;
        let found = known(&alice, crate::INTENT).await;
        assert_eq!((found["transaction"]["state"].as_str(), found["transaction"]["connection_id"].as_str()), (Some("paid"), Some(id.as_str())));
        let again = send(&alice, report("e-2", crate::INTENT)).await.expect(201);
        assert_eq!((&again["case_id"], &again["classification"]), (&found["case_id"], &Value::Null), "nothing is owed any more");
    }

    async fn without_a_connection_it_is_kept_and_with_two_it_must_be_named(app: TestApp) {
        let alice = app.alice().await;
        let free = send(&alice, report("e-1", "order-1")).await.expect(201);
        assert!(free["case_id"].is_string());
        assert_eq!(known(&alice, "order-1").await["transaction"]["connection_id"], Value::Null);
        let (one, _) = (stripe(&alice).await, stripe(&alice).await);
        let refused = send(&alice, report("e-2", "order-2")).await;
        refused.refused(422, "validation_failed");
        assert!(!refused.field("connection_id").is_empty());
        let mut named = report("e-2", "order-2");
        named["connection_id"] = json!(one);
        send(&alice, named).await.expect(201);
    }

    async fn wrong_fields_are_named_and_foreign_things_do_not_exist(app: TestApp) {
        let alice = app.alice().await;
        let mut wrong = report("e-1", "order-1");
        wrong["amount"] = json!(0);
        wrong["payment_method"]["token"] = json!("4".repeat(16));
        let refused = send(&alice, wrong).await;
        refused.refused(422, "validation_failed");
        assert!(!refused.field("amount").is_empty() && !refused.field("payment_method.token").is_empty(), "{}", refused.text);
        let number = ["4242"; 4];
        for (field, at) in [("transaction_ref", "/transaction_ref"), ("payment_method.token", "/payment_method/token"), ("failure_message", "/failure_message"),
            ("metadata.order", "/metadata/order"), ("customer.name", "/customer/name")] {
            let mut wrong = report("e-1", "order-1");
            wrong["failure_message"] = json!("no");
            wrong["customer"]["name"] = json!("Paula");
            let between = if field == "transaction_ref" { "-" } else { " " };
            *wrong.pointer_mut(at).expect("a field") = json!(number.join(between));
            let refused = send(&alice, wrong).await;
            refused.refused(422, "validation_failed");
            assert!(!refused.field(field).is_empty(), "{field}: {}", refused.text);
        }
        for reference in ["in_/../in_OTHER", "in_1?x=1", "in 1", &format!("x{}", number.concat())] {
            assert!(!send(&alice, report("e-1", reference)).await.field("transaction_ref").is_empty(), "{reference}");
        }
        let mut foreign = report("e-1", "order-1");
        foreign["connection_id"] = json!(stripe(&app.mallory().await).await);
        send(&alice, foreign).await.refused(404, "connection_not_found");
        send(&alice, report("e-1", "order-1")).await.expect(201);
        app.mallory().await.get("/v1/events/by_ref/order-1").await.refused(404, "event_ref_not_found");
        send(&app.clerk(&["payments:read"]).await, report("e-3", "order-3")).await.refused(403, "permission_denied");
        send(&app.clerk(&["events:write"]).await, report("e-3", "order-3")).await.expect(201);
    }

    async fn another_currency_is_refused(app: TestApp) {
        let alice = app.alice().await;
        send(&alice, report("e-1", "order-1")).await.expect(201);
        let mut other = report("e-2", "order-1");
        other["currency"] = json!("USD");
        send(&alice, other).await.refused(422, "currency_differs");
    }

    async fn a_charge_tells_of_a_card_and_mends_none(app: TestApp) {
        use billing::methods::{self, MethodState};
        let alice = app.alice().await;
        let first = send(&alice, report("e-1", "order-1")).await.expect(201);
        let id = first["transaction_id"].as_str().expect("an id").parse().expect("an id");
        let mut tx = crate::tx(app, &alice).await;
        let method = billing::transactions::find(&mut tx, id).await.expect("an answer").and_then(|found| found.payment_method()).expect("a method");
        methods::mark(&mut tx, method, MethodState::Stale, "expired_card").await.expect("marked");
        tx.commit().await.expect("a commit");
        let mut later = report("e-2", "order-1");
        later["payment_method"]["exp_year"] = json!(2031);
        send(&alice, later).await.expect(201);
        let mut tx = crate::tx(app, &alice).await;
        let known = methods::find(&mut tx, method).await.expect("an answer").expect("a method");
        assert_eq!((known.state(), known.exp_year), (MethodState::Stale, Some(2028)));
        let facts = billing::provider::MethodFacts { token: known.token, exp_year: Some(2031), ..Default::default() };
        let mended = methods::remember(&mut tx, &known.source, &facts, None).await.expect("a method");
        assert_eq!((mended.state(), mended.exp_year), (MethodState::Usable, Some(2031)), "its provider says so");
    }
}
