use chrono::Duration;
use testkit::json;

use crate::{case, charges, failed, key, modules, report, sandbox_of, send, stage, to_next_action};

testkit::stories! {
    async fn a_case_without_a_connection_goes_on_when_one_is_made(app: TestApp) {
        let clerk = key(app).await;
        send(&clerk, report("e-1", "order-1", "do_not_honor")).await;
        app.settle().await;
        assert_eq!(case(&clerk, "order-1").await["hold"], "no_connection");
        sandbox_of(&app.alice().await).await;
        app.settle().await;
        let found = case(&clerk, "order-1").await;
        assert_eq!((found["state"].as_str(), found["hold"].as_str()), (Some("scheduled"), None), "{found}");
        app.advance(Duration::days(3)).await;
        assert_eq!(case(&clerk, "order-1").await["state"], "recovered", "and can be charged");
        assert_eq!(charges(app, "pm_reported").await.len(), 1);
        send(&clerk, report("e-2", "order-2", "do_not_honor")).await;
        app.expect_mail();
    }

    async fn a_connection_that_is_named_later_gets_the_payment(app: TestApp) {
        let clerk = key(app).await;
        let alice = app.alice().await;
        let connection = sandbox_of(&alice).await;
        // While it is switched off, reports that don't name it are of no connection.
        alice.patch(&format!("/v1/payment-connections/{connection}"), json!({"is_active": false})).await.expect(200);
        let first = send(&clerk, report("e-1", "order-1", "do_not_honor")).await;
        let mut named = report("e-2", "order-1", "do_not_honor");
        named["connection_id"] = json!(connection);
        let again = send(&clerk, named).await;
        assert_eq!((&again["case_id"], again["duplicate"].as_bool()), (&first["case_id"], Some(false)), "one obligation, one case");
        assert_eq!(case(&clerk, "order-1").await["hold"], "no_connection");
        alice.patch(&format!("/v1/payment-connections/{connection}"), json!({"is_active": true})).await.expect(200);
        app.settle().await;
        assert_eq!(case(&clerk, "order-1").await["state"], "scheduled");
        app.expect_mail();
    }

    async fn a_key_that_is_mended_ends_the_wait_for_it(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let reference = failed(app, &connection, "pm_key", &["do_not_honor", "succeeded"]).await;
        let (alice, path) = (app.alice().await, format!("/v1/payment-connections/{connection}"));
        // An address where every key is wrong.
        let wrong = format!("{}/v1", app.base);
        alice.patch(&path, json!({"base_url": wrong})).await.expect(200);
        to_next_action(app, &case(&clerk, &reference).await).await;
        let waits = case(&clerk, &reference).await;
        let until: kernel::At = waits["next_action_at"].as_str().expect("an instant").parse().expect("an instant");
        assert!(until - app.now() > Duration::hours(5), "{waits}");
        let right = format!("{}/dev/sandbox/stripe", app.base);
        app.alice().await.patch(&path, json!({"base_url": right})).await.expect(200);
        app.advance(Duration::hours(1)).await;
        assert_eq!(case(&clerk, &reference).await["state"], "recovered");
        app.expect_mail();
    }

    async fn what_was_learned_of_a_card_before_it_was_connected_holds_after(app: TestApp) {
        let clerk = key(app).await;
        let alice = app.alice().await;
        let connection = sandbox_of(&alice).await;
        let path = format!("/v1/payment-connections/{connection}");
        alice.patch(&path, json!({"is_active": false})).await.expect(200);
        send(&clerk, report("e-1", "order-1", "stolen_card")).await;
        // The connection knows the same card by a payment of its own, and nothing against it.
        let mut named = report("e-2", "order-2", "do_not_honor");
        named["connection_id"] = json!(connection);
        send(&clerk, named).await;
        alice.patch(&path, json!({"is_active": true})).await.expect(200);
        app.advance(Duration::days(5)).await;
        assert_eq!(charges(app, "pm_reported").await.len(), 0, "a stolen card is charged");
        assert_ne!(case(&clerk, "order-2").await["state"], "recovered");
        app.expect_mail();
    }
}
