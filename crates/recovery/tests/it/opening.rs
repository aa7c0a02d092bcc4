use testkit::{Value, json};

use crate::{case, failed, key, modules, report, send, stage, states};

testkit::stories! {
    async fn a_failure_opens_one_case_and_the_next_adds_to_it(app: TestApp) {
        let (clerk, _) = stage(app).await;
        let first = send(&clerk, report("e-1", "order-1", "insufficient_funds")).await;
        let second = send(&clerk, report("e-2", "order-1", "insufficient_funds")).await;
        assert_eq!(first["case_id"], second["case_id"]);
        let found = case(&clerk, "order-1").await;
        assert_eq!((found["state"].as_str(), found["class"].as_str(), found["hardness"].as_str()), (Some("scheduled"), Some("insufficient_funds"), Some("soft")));
        assert_eq!(found["amount"], json!({"minor": 4900, "currency": "EUR"}));
        assert!(found["next_action_at"].is_string() && found["explanation"]["summary"].is_string());
        assert_eq!(clerk.get("/v1/cases").await.expect(200).as_array().map(Vec::len), Some(1));
        app.expect_mail();
    }

    async fn a_hard_decline_waits_for_the_payer_and_is_never_tried(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let reference = failed(app, &connection, "pm_stolen", &["stolen_card"]).await;
        let found = case(&clerk, &reference).await;
        assert_eq!((found["state"].as_str(), found["class"].as_str(), found["hardness"].as_str()), (Some("action_required"), Some("lost_stolen"), Some("hard")), "{found}");
        crate::days(app, 27).await;
        assert_eq!(crate::charges(app, "pm_stolen").await.len(), 1, "the first charge and no other");
        crate::days(app, 2).await;
        let ended = case(&clerk, &reference).await;
        assert_eq!((ended["state"].as_str(), ended["attempts_used"].as_i64()), (Some("not_recoverable"), Some(0)));
        app.expect_mail();
    }

    async fn without_a_connection_the_case_waits_and_says_so(app: TestApp) {
        let clerk = key(app).await;
        send(&clerk, report("e-1", "order-1", "insufficient_funds")).await;
        let found = case(&clerk, "order-1").await;
        assert_eq!((found["state"].as_str(), found["hold"].as_str()), (Some("waiting"), Some("no_connection")));
        app.settle().await;
    }

    async fn without_an_address_the_case_says_no_contact(app: TestApp) {
        let (clerk, _) = stage(app).await;
        let mut body = report("e-1", "order-1", "expired_card");
        body["customer"] = json!({"name": "Paula"});
        send(&clerk, body).await;
        assert_eq!(case(&clerk, "order-1").await["hold"], "no_contact");
        app.settle().await;
        assert!(states(&case(&clerk, "order-1").await, "messages").is_empty());
    }

    async fn a_milder_decline_does_not_make_a_hard_one_forgotten(app: TestApp) {
        let (clerk, _) = stage(app).await;
        send(&clerk, report("e-1", "order-1", "stolen_card")).await;
        let mut later = report("e-2", "order-1", "insufficient_funds");
        later["occurred_at"] = json!("2026-03-02T08:59:30Z");
        send(&clerk, later).await;
        let found = case(&clerk, "order-1").await;
        assert_eq!((found["class"].as_str(), found["hardness"].as_str()), (Some("lost_stolen"), Some("hard")));
        app.expect_mail();
    }

    async fn classifying_answers_the_table_and_stores_nothing(app: TestApp) {
        let clerk = key(app).await;
        let post = async |body: Value| clerk.post("/v1/classify", body).await;
        let verdict = post(json!({"failure_code": "insufficient_funds", "network_advice_code": "03"})).await.expect(200);
        assert_eq!((verdict["class"].as_str(), verdict["hardness"].as_str()), (Some("network_hard"), Some("hard")));
        assert_eq!(post(json!({"failure_code": "expired_card"})).await.expect(200)["hardness"], "needs_data");
        assert_eq!(post(json!({"failure_code": "sandbox"})).await.expect(200)["class"], "unknown");
        post(json!({"category": 9})).await.refused(422, "validation_failed");
        post(json!({"pan": "1"})).await.refused(422, "validation_failed");
        app.nobody().post("/v1/classify", json!({})).await.refused(401, "not_authenticated");
    }

    async fn a_case_of_another_organization_does_not_exist(app: TestApp) {
        let (clerk, _) = stage(app).await;
        let id = send(&clerk, report("e-1", "order-1", "do_not_honor")).await["case_id"].as_str().expect("an id").to_owned();
        let mallory = app.mallory().await;
        mallory.get(&format!("/v1/cases/{id}")).await.refused(404, "case_not_found");
        mallory.get("/v1/recoveries/by_ref/order-1").await.refused(404, "case_not_found");
        assert_eq!(mallory.get("/v1/cases").await.expect(200).as_array().map(Vec::len), Some(0));
        clerk.get("/v1/cases?state=recovered").await.expect(200);
        clerk.get("/v1/cases?state=lost").await.refused(422, "validation_failed");
        app.expect_mail();
    }

    async fn a_paused_case_does_nothing_until_it_is_resumed(app: TestApp) {
        let (_, connection) = stage(app).await;
        let writer = app.clerk(&["cases:read", "cases:write"]).await;
        let reference = failed(app, &connection, "pm_p", &["do_not_honor", "succeeded"]).await;
        let path = format!("/v1/cases/{}", case(&writer, &reference).await["id"].as_str().expect("an id"));
        assert_eq!(writer.post_empty(&format!("{path}/pause")).await.expect(200)["state"], "paused");
        crate::days(app, 5).await;
        assert_eq!(crate::charges(app, "pm_p").await.len(), 1);
        assert_eq!(writer.post_empty(&format!("{path}/resume")).await.expect(200)["state"], "scheduled");
        crate::days(app, 1).await;
        assert_eq!(case(&writer, &reference).await["state"], "recovered");
        writer.post_empty(&format!("{path}/pause")).await.refused(409, "case_closed");
        key(app).await.post_empty(&format!("{path}/pause")).await.refused(403, "permission_denied");
        app.expect_mail();
    }
}
