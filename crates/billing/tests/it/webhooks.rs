use testkit::{Client, TestApp, Value, json};

use crate::{INTENT, INVOICE, SECRET, deliver, deliver_signed, fixture, known, modules, stripe};

/// Whoever would be answered without waiting is answered by then.
const NOT_YET: std::time::Duration = std::time::Duration::from_millis(300);

/// The rows of the intake, by the event's id.
async fn events(app: &TestApp, by: &Client, reference: &str) -> Vec<(String, String, Value)> {
    let _ = app;
    let events = known(by, reference).await["events"].as_array().cloned().unwrap_or_default();
    events
        .into_iter()
        .map(|event| {
            (event["type"].as_str().unwrap_or_default().into(), event["state"].as_str().unwrap_or_default().into(), event["reason"].clone())
        })
        .collect()
}

pub async fn rows(app: &TestApp) -> usize {
    app.all_rows().await.iter().filter(|row| row.table == "provider_events").count()
}

async fn states(app: &TestApp) -> Vec<String> {
    let rows = app.all_rows().await;
    rows.into_iter().filter(|row| row.table == "provider_events").map(|row| row.text).collect()
}

testkit::stories! {
    async fn the_address_alone_says_whose_event_it_is(app: TestApp) {
        let id = stripe(&app.alice().await).await;
        let send = async |path: String| deliver_signed(app, &path, "t=1,v1=00", "{}".into()).await;
        assert_eq!(send("/v1/webhooks/stripe/con_00000000000000000000000000".into()).await.status, 404);
        assert_eq!(send("/v1/webhooks/stripe/nonsense".into()).await.status, 404);
        assert_eq!(send(format!("/v1/webhooks/sandbox/{id}")).await.status, 404, "another provider's address");
        assert_eq!(send(format!("/v1/webhooks/acme/{id}")).await.status, 404);
        let later = send(format!("/v1/webhooks/razorpay/{id}")).await;
        assert_eq!((later.status, later.code()), (503, "provider_not_configured"));
    }

    async fn a_failure_is_recorded_once_however_often_it_is_sent(app: TestApp) {
        let alice = app.alice().await;
        let id = stripe(&alice).await;
        for _ in 0..3 {
            assert_eq!(deliver(app, &id, &fixture!("payment_intent.payment_failed.new")).await.status, 200);
        }
        let found = known(&alice, INTENT).await;
        assert_eq!((found["transaction"]["state"].as_str(), found["failures"].as_array().map(Vec::len)), (Some("failed"), Some(1)));
        assert_eq!(found["transaction"]["amount_due"], json!({"minor": 4900, "currency": "EUR"}));
        assert!(found["case_id"].is_string(), "recovery heard of it");
        let customer = alice.get(&format!("/v1/customers/{}", found["transaction"]["customer_id"].as_str().expect("a customer"))).await.expect(200);
        assert_eq!(customer["email"], "paula.payer@example.com", "from the billing details");
        assert_eq!(rows(app).await, 1);
    }

    async fn invoice_and_intent_of_the_old_shape_are_one_obligation_in_any_order(app: TestApp) {
        let alice = app.alice().await;
        for turned in [false, true] {
            let id = stripe(&alice).await;
            let mut both = [fixture!("payment_intent.payment_failed.old"), fixture!("invoice.payment_failed.old")];
            if turned {
                both.reverse();
            }
            for event in &both {
                assert_eq!(deliver(app, &id, event).await.status, 200);
            }
            let found = known(&alice, INVOICE).await;
            assert_eq!(found["failures"].as_array().map(Vec::len), Some(1), "one charge was declined: {found}");
            assert_eq!(found["transaction"]["decline"]["decline_code"], "insufficient_funds");
            assert_eq!(found["transaction_id"], known(&alice, INTENT).await["transaction_id"]);
            // The next connection's obligation is the newer one.
            app.advance(chrono::Duration::seconds(1)).await;
        }
    }

    async fn without_a_key_new_invoices_wait_for_one_and_intents_drive(app: TestApp) {
        let alice = app.alice().await;
        let id = stripe(&alice).await;
        assert_eq!(deliver(app, &id, &fixture!("invoice.payment_failed.new")).await.status, 200);
        alice.get(&format!("/v1/events/by_ref/{INVOICE}")).await.refused(404, "event_ref_not_found");
        assert!(states(app).await.iter().any(|row| row.contains("needs_api_key")));
        deliver(app, &id, &fixture!("payment_intent.payment_failed.new")).await;
        assert_eq!(known(&alice, INTENT).await["transaction"]["state"], "failed");
    }

    async fn other_modes_and_unknown_types_are_kept_and_ignored(app: TestApp) {
        let alice = app.alice().await;
        let id = stripe(&alice).await;
        let mut test = fixture!("payment_intent.payment_failed.new");
        test["livemode"] = json!(false);
        assert_eq!(deliver(app, &id, &test).await.status, 200);
        let unknown = json!({"id": "evt_radar", "type": "radar.early_fraud_warning.created", "created": 1, "livemode": true});
        assert_eq!(deliver(app, &id, &unknown).await.status, 200);
        let states = states(app).await;
        assert!(states.iter().any(|row| row.contains("other_mode")) && states.iter().any(|row| row.contains("unknown_type")), "{states:?}");
        alice.get(&format!("/v1/events/by_ref/{INTENT}")).await.refused(404, "event_ref_not_found");
    }

    async fn money_that_is_told_before_its_failure_waits_and_wins(app: TestApp) {
        let alice = app.alice().await;
        let id = stripe(&alice).await;
        for event in [fixture!("charge.refunded.new"), fixture!("payment_intent.succeeded.new"), fixture!("payment_intent.payment_failed.new")] {
            assert_eq!(deliver(app, &id, &event).await.status, 200);
        }
        let found = known(&alice, INTENT).await;
        assert_eq!((found["transaction"]["state"].as_str(), found["transaction"]["amount_paid"]["minor"].as_i64()), (Some("paid"), Some(4900)));
        assert_eq!(found["receipts"][0]["refunded"]["minor"], 1900);
        let events = events(app, &alice, INTENT).await;
        assert!(events.iter().all(|(_, state, _)| state == "applied"), "{events:?}");
    }

    async fn an_older_failure_cannot_undo_money(app: TestApp) {
        let alice = app.alice().await;
        let id = stripe(&alice).await;
        let mut second = fixture!("payment_intent.payment_failed.new");
        second["id"] = json!("evt_late");
        second["data"]["object"]["latest_charge"] = json!("ch_other");
        for event in [fixture!("payment_intent.payment_failed.new"), fixture!("payment_intent.succeeded.new"), second] {
            deliver(app, &id, &event).await;
        }
        let found = known(&alice, INTENT).await;
        assert_eq!((found["transaction"]["state"].as_str(), found["failures"].as_array().map(Vec::len)), (Some("paid"), Some(1)));
    }

    async fn an_event_whose_parent_never_comes_is_laid_aside_after_thirty_days(app: TestApp) {
        let alice = app.alice().await;
        let id = stripe(&alice).await;
        deliver(app, &id, &fixture!("payment_intent.succeeded.new")).await;
        assert!(states(app).await[0].contains("unknown_parent"));
        app.advance(chrono::Duration::days(32)).await;
        assert!(states(app).await[0].contains("parent_never_came"));
    }

    async fn a_canceled_intent_is_no_longer_owed(app: TestApp) {
        let alice = app.alice().await;
        let id = stripe(&alice).await;
        deliver(app, &id, &fixture!("payment_intent.canceled.new")).await;
        deliver(app, &id, &fixture!("payment_intent.payment_failed.new")).await;
        assert_eq!(known(&alice, INTENT).await["transaction"]["state"], "void", "also when it is told first");
    }

    async fn what_the_provider_could_not_be_asked_about_is_asked_again(app: TestApp) {
        let alice = app.alice().await;
        let body = json!({"provider": "stripe", "webhook_secret": SECRET, "mode": "live", "api_key": "rk_story", "base_url": "http://127.0.0.1:9"});
        let id = alice.post("/v1/payment-connections", body).await.expect(201)["id"].as_str().expect("an id").to_owned();
        assert_eq!(deliver(app, &id, &fixture!("payment_intent.payment_failed.new")).await.status, 200, "it is kept");
        alice.get(&format!("/v1/events/by_ref/{INTENT}")).await.refused(404, "event_ref_not_found");
        // There the sandbox answers, which knows no such intent and no invoice of it.
        let here = format!("{}/dev/sandbox/stripe", app.base);
        alice.patch(&format!("/v1/payment-connections/{id}"), json!({"base_url": here})).await.expect(200);
        app.advance(chrono::Duration::minutes(5)).await;
        assert_eq!(known(&alice, INTENT).await["transaction"]["state"], "failed");
    }

    async fn when_the_provider_never_answers_the_failure_is_heard_all_the_same(app: TestApp) {
        let alice = app.alice().await;
        let body = json!({"provider": "stripe", "webhook_secret": SECRET, "mode": "live", "api_key": "rk_story", "base_url": "http://127.0.0.1:9"});
        let id = alice.post("/v1/payment-connections", body).await.expect(201)["id"].as_str().expect("an id").to_owned();
        deliver(app, &id, &fixture!("payment_intent.payment_failed.new")).await;
        deliver(app, &id, &fixture!("invoice.payment_failed.old")).await;
        app.advance(chrono::Duration::hours(2)).await;
        let alice = app.alice().await;
        let found = known(&alice, INTENT).await;
        assert_eq!(found["transaction_id"], known(&alice, INVOICE).await["transaction_id"], "the ids lead to one obligation: {found}");
    }

    async fn at_the_same_moment_and_in_any_order_the_end_is_the_same(app: TestApp) {
        let alice = app.alice().await;
        let id = stripe(&alice).await;
        let all = [
            fixture!("charge.refunded.old"),
            fixture!("invoice.paid.old"),
            fixture!("payment_intent.succeeded.old"),
            fixture!("invoice.payment_failed.old"),
            fixture!("payment_intent.payment_failed.old"),
        ];
        let sent = all.iter().cycle().take(20).map(|event| deliver(app, &id, event));
        for answer in futures::future::join_all(sent).await {
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
        app.settle().await;
        let found = known(&alice, INVOICE).await;
        let count = |field: &str| found[field].as_array().map_or(0, Vec::len);
        assert_eq!((found["transaction"]["state"].as_str(), count("failures"), count("receipts"), count("events")), (Some("paid"), 1, 1, 5), "{found}");
        assert_eq!((&found["receipts"][0]["surplus"]["minor"], &found["receipts"][0]["refunded"]["minor"]), (&json!(0), &json!(1900)));
    }

    async fn a_copy_is_not_acknowledged_on_the_word_of_one_that_may_still_fail(app: TestApp) {
        let alice = app.alice().await;
        let id = stripe(&alice).await;
        let mut event = fixture!("payment_intent.payment_failed.new");
        event["data"]["object"]["amount"] = json!(crate::sink::HELD_MINOR);
        let gate = crate::sink::hold(crate::org_of(&alice));
        let copy = async {
            gate.reached.notified().await;
            let copy = deliver(app, &id, &event);
            tokio::pin!(copy);
            assert!(tokio::time::timeout(NOT_YET, &mut copy).await.is_err(), "the first one is not kept yet");
            gate.open.notify_one();
            copy.await
        };
        let (first, copy) = tokio::join!(deliver(app, &id, &event), copy);
        assert_eq!((first.status, copy.status), (200, 200));
        let duplicates = [&first, &copy].iter().filter(|answer| answer.body["outcome"] == "duplicate").count();
        app.settle().await;
        assert_eq!((duplicates, rows(app).await, known(&alice, INTENT).await["failures"].as_array().map(Vec::len)), (1, 1, Some(1)));
    }

    async fn an_intent_that_is_given_up_leaves_its_invoice_owed(app: TestApp) {
        let alice = app.alice().await;
        let id = stripe(&alice).await;
        let mut canceled = fixture!("payment_intent.canceled.new");
        canceled["data"]["object"]["invoice"] = json!(INVOICE);
        for event in [fixture!("payment_intent.payment_failed.old"), canceled] {
            assert_eq!(deliver(app, &id, &event).await.status, 200);
        }
        assert_eq!(known(&alice, INVOICE).await["transaction"]["state"], "failed");
        let mut voided = fixture!("invoice.voided.new");
        voided["data"]["object"]["payment_intent"] = json!(INTENT);
        deliver(app, &id, &voided).await;
        assert_eq!(known(&alice, INVOICE).await["transaction"]["state"], "void");
    }

    async fn an_invoice_that_was_marked_as_paid_brings_no_second_money(app: TestApp) {
        let alice = app.alice().await;
        let id = stripe(&alice).await;
        let (mut other, mut marked) = (fixture!("payment_intent.succeeded.old"), fixture!("invoice.paid.old"));
        other["data"]["object"]["id"] = json!("pi_other");
        marked["data"]["object"]["paid_out_of_band"] = json!(true);
        for event in [fixture!("payment_intent.payment_failed.old"), other, marked] {
            assert_eq!(deliver(app, &id, &event).await.status, 200);
        }
        let found = known(&alice, INVOICE).await;
        assert_eq!((found["transaction"]["state"].as_str(), found["receipts"].as_array().map(Vec::len)), (Some("paid"), Some(1)), "{found}");
    }

    async fn each_payment_of_an_invoice_is_counted_with_its_own_amount(app: TestApp) {
        let alice = app.alice().await;
        let id = stripe(&alice).await;
        let mut paid = fixture!("invoice.paid.new");
        let row = |intent: &str, amount: i64| json!({"status": "paid", "amount_paid": amount, "currency": "eur", "payment": {"type": "payment_intent", "payment_intent": intent}});
        paid["data"]["object"]["payments"] = json!({"object": "list", "data": [row("pi_a", 1900), row("pi_b", 3000)]});
        let mut second = fixture!("payment_intent.succeeded.old");
        second["data"]["object"]["id"] = json!("pi_b");
        second["data"]["object"]["amount_received"] = json!(3000);
        for event in [fixture!("payment_intent.payment_failed.old"), paid, second] {
            assert_eq!(deliver(app, &id, &event).await.status, 200);
        }
        let found = known(&alice, INVOICE).await;
        assert_eq!((found["transaction"]["state"].as_str(), found["transaction"]["amount_paid"]["minor"].as_i64()), (Some("paid"), Some(4900)), "{found}");
        let amounts: Vec<_> = found["receipts"].as_array().into_iter().flatten().map(|one| (one["amount"]["minor"].clone(), one["surplus"]["minor"].clone())).collect();
        assert_eq!(amounts, [(json!(1900), json!(0)), (json!(3000), json!(0))], "{found}");
    }

    async fn money_that_a_bank_takes_back_is_disputed(app: TestApp) {
        let alice = app.alice().await;
        let id = stripe(&alice).await;
        let dispute = json!({"id": "evt_dispute", "type": "charge.dispute.created", "created": 1_763_800_000, "livemode": true,
            "data": {"object": {"id": "dp_1", "object": "dispute", "amount": 4900, "currency": "eur", "payment_intent": INTENT}}});
        for event in [fixture!("payment_intent.payment_failed.new"), fixture!("payment_intent.succeeded.new"), dispute] {
            assert_eq!(deliver(app, &id, &event).await.status, 200);
        }
        assert_eq!(known(&alice, INTENT).await["transaction"]["state"], "disputed");
    }
}
