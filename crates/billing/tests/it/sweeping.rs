use chrono::Duration;
use testkit::json;

use crate::webhooks::rows;
use crate::{INTENT, deliver, fixture, known, modules, stripe};

testkit::stories! {
    async fn old_events_that_were_applied_are_forgotten_and_what_came_of_them_stays(app: TestApp) {
        let alice = app.alice().await;
        let id = stripe(&alice).await;
        let mut odd = fixture!("charge.refunded.new");
        odd["id"] = json!("evt_odd");
        odd["data"]["object"]["currency"] = json!("usd");
        for event in [fixture!("payment_intent.payment_failed.new"), fixture!("payment_intent.succeeded.new"), odd] {
            assert_eq!(deliver(app, &id, &event).await.status, 200);
        }
        app.advance(Duration::days(88)).await;
        assert_eq!(rows(app).await, 3);
        app.advance(Duration::days(4)).await;
        assert_eq!(rows(app).await, 1, "one that people have to look at stays");
        let found = known(&app.alice().await, INTENT).await;
        assert_eq!((found["transaction"]["state"].as_str(), found["failures"].as_array().map(Vec::len)), (Some("paid"), Some(1)), "{found}");
        deliver(app, &id, &fixture!("payment_intent.succeeded.new")).await;
        let found = known(&app.alice().await, INTENT).await;
        assert_eq!(found["receipts"].as_array().map(Vec::len), Some(1), "its money is known even so");
    }
}
