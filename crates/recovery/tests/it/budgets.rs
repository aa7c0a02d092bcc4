use testkit::json;

use crate::{case, charges, days, failed, failed_for, modules, stage};

testkit::stories! {
    async fn two_cases_of_one_card_share_its_budget(app: TestApp) {
        let (_, connection) = stage(app).await;
        for payer in ["one@example.com", "two@example.com", "three@example.com"] {
            failed_for(app, &connection, payer, "pm_shared", &["do_not_honor"]).await;
        }
        days(app, 27).await;
        assert_eq!(charges(app, "pm_shared").await.len(), 15, "three first failures and twelve retries, and no more in 30 days");
        app.expect_mail();
    }

    async fn advice_of_the_network_is_a_floor(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let reference = failed(app, &connection, "pm_timed", &["do_not_honor@28", "succeeded"]).await;
        let found = case(&clerk, &reference).await;
        assert_eq!((found["class"].as_str(), found["hardness"].as_str()), (Some("network_timed"), Some("soft")), "{found}");
        days(app, 5).await;
        assert_eq!(charges(app, "pm_timed").await.len(), 1, "six days were asked for");
        days(app, 2).await;
        assert_eq!(case(&clerk, &reference).await["state"], "recovered");
        app.expect_mail();
    }

    async fn what_the_network_forbids_is_never_tried(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let reference = failed(app, &connection, "pm_never", &["do_not_honor@03", "succeeded"]).await;
        days(app, 29).await;
        let found = case(&clerk, &reference).await;
        assert_eq!((found["class"].as_str(), found["attempts"].clone()), (Some("network_hard"), json!([])));
        assert_eq!(charges(app, "pm_never").await.len(), 1);
        app.expect_mail();
    }
}
