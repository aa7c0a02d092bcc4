use testkit::json;

use crate::{case, charges, days, failed, modules, report, send, stage, states};

testkit::stories! {
    async fn a_retry_brings_the_money_back_and_ends_the_case(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let reference = failed(app, &connection, "pm_a", &["do_not_honor", "do_not_honor", "succeeded"]).await;
        days(app, 6).await;
        let found = case(&clerk, &reference).await;
        assert_eq!(found["state"], "recovered", "{found}");
        assert_eq!(states(&found, "attempts"), ["declined", "succeeded"], "{found}");
        assert_eq!((found["outcome"]["mechanism"].as_str(), found["outcome"]["amount"]["minor"].as_i64()), (Some("retry"), Some(4900)));
        assert_eq!(found["outcome"]["attempt_id"], found["attempts"][1]["id"]);
        assert_eq!(found["next_action_at"], json!(null));
        let made = charges(app, "pm_a").await;
        assert_eq!(made.len(), 3);
        assert_eq!(made[2]["idempotency_key"], format!("rc:{}", found["attempts"][1]["id"].as_str().expect("an id")));
        days(app, 30).await;
        assert_eq!(charges(app, "pm_a").await.len(), 3, "nothing is tried after success");
        app.expect_mail();
    }

    async fn a_retry_goes_by_what_the_last_decline_said(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let reference = failed(app, &connection, "pm_b", &["do_not_honor", "stolen_card", "succeeded"]).await;
        days(app, 27).await;
        let found = case(&clerk, &reference).await;
        assert_eq!((found["state"].as_str(), found["class"].as_str()), (Some("action_required"), Some("lost_stolen")), "{found}");
        assert_eq!(charges(app, "pm_b").await.len(), 2, "a hard decline ends the retries");
        app.expect_mail();
    }

    async fn an_answer_that_was_lost_is_read_back_and_never_sent_again(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let reference = failed(app, &connection, "pm_c", &["do_not_honor", "timeout_after_charge", "succeeded"]).await;
        app.nobody().post("/dev/sandbox/faults", json!({"drop": true})).await.expect(200);
        days(app, 3).await;
        let found = case(&clerk, &reference).await;
        assert_eq!((found["state"].as_str(), found["outcome"]["mechanism"].as_str()), (Some("recovered"), Some("retry")), "{found}");
        assert_eq!(charges(app, "pm_c").await.len(), 2, "charged once");
        app.expect_mail();
    }

    async fn a_charge_that_never_happened_is_found_out_and_tried_again(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let reference = failed(app, &connection, "pm_d", &["do_not_honor", "timeout_before_charge", "succeeded"]).await;
        days(app, 6).await;
        let found = case(&clerk, &reference).await;
        assert_eq!(found["state"], "recovered", "{found}");
        assert_eq!(charges(app, "pm_d").await.len(), 2);
        app.expect_mail();
    }

    async fn a_reported_payment_is_charged_anew_with_its_own_key(app: TestApp) {
        let (clerk, _) = stage(app).await;
        app.nobody().post("/dev/sandbox/script", json!({"payment_method": "pm_reported", "outcomes": ["timeout_after_charge"]})).await.expect(200);
        send(&clerk, report("e-1", "order-1", "do_not_honor")).await;
        days(app, 3).await;
        let found = case(&clerk, "order-1").await;
        assert_eq!((found["state"].as_str(), found["outcome"]["mechanism"].as_str()), (Some("recovered"), Some("retry")), "{found}");
        assert_eq!(charges(app, "pm_reported").await.len(), 1, "the key repeats the answer and not the charge");
        app.expect_mail();
    }

    async fn what_everybody_declines_is_exhausted_at_its_deadline(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let reference = failed(app, &connection, "pm_e", &["do_not_honor"]).await;
        days(app, 30).await;
        let found = case(&clerk, &reference).await;
        assert_eq!((found["state"].as_str(), found["attempts_used"].as_i64()), (Some("exhausted"), Some(6)), "{found}");
        assert_eq!(charges(app, "pm_e").await.len(), 7);
        assert!(states(&found, "messages").iter().filter(|state| *state == "queued").count() >= 3, "{found}");
        app.expect_mail();
    }

    async fn a_payment_that_needs_its_payer_is_not_tried_without_them(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let reference = failed(app, &connection, "pm_f", &["authentication_required"]).await;
        days(app, 5).await;
        let found = case(&clerk, &reference).await;
        assert_eq!((found["class"].as_str(), found["hardness"].as_str(), found["attempts_used"].as_i64()), (Some("auth_required"), Some("customer_action"), Some(0)));
        assert_eq!(charges(app, "pm_f").await.len(), 1);
        app.expect_mail();
    }
}
