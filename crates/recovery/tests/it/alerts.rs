use billing::provider::Refs;
use billing::transactions::{self, NewReceipt};
use kernel::Money;
use testkit::{TestApp, json};

use crate::{PAULA, case, charges, days, failed, modules, stage, states};

/// Money in dollars for a payment that is owed in euros.
pub async fn dollars(app: &TestApp, of: &testkit::Client, reference: &str) {
    let id = case(of, reference).await["transaction_id"].as_str().expect("an id").parse().expect("an id");
    for _ in 0..2 {
        let mut tx = crate::money::tx(app).await;
        let held = transactions::hold(&mut tx, id).await.expect("an answer").expect("a transaction");
        let new = NewReceipt {
            refs: Refs { intent: Some("pi_usd".into()), ..Refs::default() },
            money_key: "pi_usd".into(),
            amount: Money::new(5300, "USD".parse().expect("a currency")),
            via: billing::event::Via::Provider,
            received_at: tx.now(),
            attempt: None,
            link: None,
        };
        assert!(transactions::receive(&mut tx, held, new).await.expect("an answer").is_none());
        tx.commit().await.expect("a commit");
    }
}

testkit::stories! {
    async fn money_in_another_currency_stops_the_case_and_staff_see_it(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let reference = failed(app, &connection, "pm_usd", &["insufficient_funds", "succeeded"]).await;
        dollars(app, &clerk, &reference).await;
        let found = case(&clerk, &reference).await;
        assert_eq!((found["state"].as_str(), found["paid"]["minor"].as_i64()), (Some("paused"), Some(0)), "{found}");
        let alerts = found["alerts"].as_array().expect("alerts");
        assert_eq!((alerts.len(), &alerts[0]["kind"], &alerts[0]["ended_at"]), (1, &json!("paid_in_other_currency"), &json!(null)), "told once");
        let page = app.alice().await.get(&format!("/cases/{}", found["id"].as_str().expect("an id"))).await.text;
        assert!(page.matches("53.00 USD arrived").count() >= 2, "the mark and the story: {page}");
        assert!(app.alice().await.get("/payments").await.text.contains("Needs a look"));
        days(app, 5).await;
        assert_eq!(charges(app, "pm_usd").await.len(), 1, "nobody is charged until somebody has looked");
        let story = clerk.get(&format!("/v1/customers/{}/timeline", found["customer_id"].as_str().expect("an id"))).await.expect(200);
        assert!(story.as_array().into_iter().flatten().any(|line| line["kind"] == "case.attention_needed"), "{story}");
        app.expect_mail();
    }

    async fn money_in_another_currency_stops_the_case_when_the_payer_leaves_the_checkout(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let reference = failed(app, &connection, "pm_away", &["insufficient_funds", "insufficient_funds", "succeeded"]).await;
        // The second decline comes on the morning of the second day, and the mail with it.
        app.advance(chrono::Duration::hours(2 * 24 + 3)).await;
        let link = format!("/pay/{}", app.token_to(PAULA).await);
        crate::payers::post(app, &link, &[]).await;
        dollars(app, &clerk, &reference).await;
        assert_eq!(case(&clerk, &reference).await["state"], "customer_paying", "the payer holds the slot");
        let (tried, written) = (charges(app, "pm_away").await.len(), app.mails_to(PAULA).await.len());
        app.advance(chrono::Duration::minutes(40)).await;
        let found = case(&clerk, &reference).await;
        assert_eq!(found["state"], "paused", "{found}");
        days(app, 10).await;
        assert_eq!((charges(app, "pm_away").await.len(), app.mails_to(PAULA).await.len()), (tried, written), "charged or written to");
        assert!(!states(&case(&clerk, &reference).await, "attempts").contains(&"planned".to_owned()));
    }

    async fn whoever_lets_the_case_go_on_has_looked(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let reference = failed(app, &connection, "pm_seen", &["do_not_honor", "succeeded"]).await;
        dollars(app, &clerk, &reference).await;
        let found = case(&clerk, &reference).await;
        let path = format!("/v1/cases/{}/resume", found["id"].as_str().expect("an id"));
        assert_eq!(app.alice().await.post_empty(&path).await.expect(200)["state"], "scheduled");
        assert!(case(&clerk, &reference).await["alerts"][0]["ended_at"].is_string());
        days(app, 5).await;
        assert_eq!((case(&clerk, &reference).await["state"].as_str(), charges(app, "pm_seen").await.len()), (Some("recovered"), 2));
        app.expect_mail();
    }
}
