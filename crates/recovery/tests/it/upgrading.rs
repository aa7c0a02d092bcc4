//! An older release serves beside this one and writes rows without what this one counts by.

use chrono::Duration;
use store::testing::owner_sql;
use testkit::{Client, TestApp, Value};

use crate::lost::never_sent;
use crate::money::refunded;
use crate::{days, failed, modules, stage};

const AS_BY_AN_OLDER_ONE: [&str; 2] = [
    "update cases set attempts_sent = 0, attempts_succeeded = 0, messages_sent = 0, reversed_minor = 0",
    "update outcomes set failed_at = null",
];

async fn as_by_an_older_one(app: &TestApp) {
    for sql in AS_BY_AN_OLDER_ONE {
        owner_sql(&app.core.store, sql).await.expect("rows are changed");
    }
}

async fn summary(of: &Client) -> Value {
    of.get("/v1/analytics/summary?from=2026-03-01&to=2026-04-30").await.expect(200)["currencies"][0].clone()
}

testkit::stories! {
    async fn what_an_older_release_did_is_counted_by_night(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let won = failed(app, &connection, "pm_won", &["insufficient_funds", "insufficient_funds", "succeeded"]).await;
        failed(app, &connection, "pm_open", &["expired_card"]).await;
        // Both payers are written to, and one case ends.
        days(app, 12).await;
        refunded(app, &clerk, &won, 700, &won).await;
        let right = summary(&clerk).await;
        assert_eq!(right["amount_reversed"]["minor"], 700, "{right}");
        assert!(right["attempts_sent"].as_i64() > Some(1) && right["messages_sent"].as_i64() > Some(1), "{right}");
        as_by_an_older_one(app).await;
        assert_ne!(summary(&clerk).await, right);
        app.advance(Duration::hours(24)).await;
        let found = summary(&clerk).await;
        for name in ["attempts_sent", "attempts_succeeded", "messages_sent", "amount_reversed", "by_mechanism", "seconds_to_recover_median"] {
            assert_eq!(found[name], right[name], "{name}: {found}");
        }
        app.expect_mail();
    }

    async fn an_attempt_of_an_older_release_that_never_arrived_is_not_less_than_none(app: TestApp) {
        let (clerk, reference, way) = never_sent(app, "pm_older").await;
        as_by_an_older_one(app).await;
        crate::money::void(app, &clerk, &reference).await;
        way.cut(false);
        app.advance(Duration::hours(8)).await;
        assert_eq!(summary(&clerk).await["attempts_sent"], 0);
        app.expect_mail();
    }
}
