use testkit::json;

use crate::{days, failed, modules, send, stage};

testkit::stories! {
    async fn the_denominator_is_every_case_and_currencies_stay_apart(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        failed(app, &connection, "pm_won", &["do_not_honor", "succeeded"]).await;
        failed(app, &connection, "pm_hard", &["stolen_card"]).await;
        let mut dollars = crate::report("e-1", "order-1", "stolen_card");
        dollars["currency"] = json!("USD");
        send(&clerk, dollars).await;
        days(app, 5).await;
        let rates = clerk.get("/v1/analytics/recovery_rate?from=2026-03-01&to=2026-03-31").await.expect(200);
        let euro = &rates["currencies"][0];
        assert_eq!((euro["currency"].as_str(), euro["opened"].as_i64(), euro["recovered"].as_i64()), (Some("EUR"), Some(2), Some(1)), "{rates}");
        assert_eq!((euro["rate_count"].as_f64(), euro["rate_amount"].as_f64()), (Some(0.5), Some(0.5)));
        assert_eq!(euro["retryable_only"]["rate_count"], 1.0);
        assert_eq!((euro["horizons"][0]["days"].as_i64(), euro["horizons"][0]["mature"].as_bool()), (Some(7), Some(false)));
        assert_eq!((rates["currencies"][1]["currency"].as_str(), rates["currencies"][1]["recovered"].as_i64()), (Some("USD"), Some(0)));
        assert!(rates["definitions"]["opened"].as_str().is_some_and(|text| text.contains("hard declines included")));
        app.expect_mail();
    }

    async fn the_summary_tells_what_was_done_and_what_came_of_it(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        failed(app, &connection, "pm_won", &["do_not_honor", "do_not_honor", "succeeded"]).await;
        failed(app, &connection, "pm_open", &["expired_card"]).await;
        days(app, 5).await;
        let summary = clerk.get("/v1/analytics/summary").await.expect(200);
        let euro = &summary["currencies"][0];
        assert_eq!((euro["attempts_sent"].as_i64(), euro["attempts_succeeded"].as_i64()), (Some(2), Some(1)), "{summary}");
        assert_eq!((euro["amount_at_risk"]["minor"].as_i64(), euro["amount_recovered"]["minor"].as_i64()), (Some(4900), Some(4900)));
        assert_eq!(euro["by_mechanism"], json!([{"name": "retry", "cases": 1, "amount": {"minor": 4900, "currency": "EUR"}}]));
        assert!(euro["seconds_to_recover_median"].as_i64().is_some_and(|seconds| seconds > 24 * 3600));
        app.expect_mail();
    }

    async fn numbers_are_of_ones_own_organization_and_ranges_are_checked(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        failed(app, &connection, "pm_won", &["do_not_honor", "succeeded"]).await;
        assert_eq!(app.mallory().await.get("/v1/analytics/summary").await.expect(200)["currencies"], json!([]));
        clerk.get("/v1/analytics/recovery_rate?from=soon").await.refused(422, "validation_failed");
        app.nobody().get("/v1/analytics/summary").await.refused(401, "not_authenticated");
    }
}
