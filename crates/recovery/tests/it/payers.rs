use testkit::{Answer, TestApp, Value, json};

use crate::lost::Way;
use crate::{PAULA, case, charges, days, failed, failed_for, modules, report, send, stage, states, to_next_action};

pub async fn post(app: &TestApp, path: &str, form: &[(&str, &str)]) -> Answer {
    let nobody = app.nobody();
    nobody.send(nobody.request("POST".parse().expect("a method"), path).form(form)).await
}

fn with_connection(mut report: Value, connection: &str) -> Value {
    report["connection_id"] = json!(connection);
    report
}

/// The most letters within any span of this length.
fn most_within(mails: &[Value], span: chrono::Duration) -> usize {
    let at: Vec<kernel::At> = mails.iter().filter_map(|mail| mail["created_at"].as_str()?.parse().ok()).collect();
    at.iter().map(|from| at.iter().filter(|other| *other >= from && **other < *from + span).count()).max().unwrap_or_default()
}

/// As if the letters to an address had found no mail server yet.
pub async fn not_left_yet(app: &TestApp, address: &str) {
    let sql = format!("update mails set state = 'queued', sealed = '', sent_at = null where recipient = '{address}'");
    assert!(store::testing::owner_sql(&app.core.store, sql).await.is_ok());
}

testkit::stories! {
    async fn the_payer_gets_one_link_pays_and_all_that_was_planned_is_gone(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let reference = failed(app, &connection, "pm_x", &["expired_card"]).await;
        let mail = app.mail_to(PAULA).await;
        let text = mail["text"].as_str().expect("a text");
        assert!(text.contains("49.00 EUR") && text.contains("24 hours") && text.contains("Acme"), "{text}");
        let link = format!("/pay/{}", app.token_to(PAULA).await);
        let page = post(app, &link, &[]).await.header("location").to_owned();
        assert_eq!(case(&clerk, &reference).await["state"], "customer_paying");
        post(app, &page, &[("payment_method", "pm_card_visa")]).await;
        app.settle().await;
        let found = case(&clerk, &reference).await;
        assert_eq!((found["state"].as_str(), found["outcome"]["mechanism"].as_str()), (Some("recovered"), Some("link:email")), "{found}");
        assert!(found["outcome"]["link_id"].is_string());
        days(app, 28).await;
        assert_eq!(app.mails_to(PAULA).await.len(), 1, "nobody is reminded of what they have paid");
    }

    async fn a_mail_never_tells_why_a_card_was_declined(app: TestApp) {
        let (_, connection) = stage(app).await;
        for code in ["stolen_card", "lost_card", "insufficient_funds"] {
            failed(app, &connection, &format!("pm_{code}"), &[code]).await;
        }
        days(app, 20).await;
        let mails = app.mails_to(PAULA).await;
        assert!(mails.len() > 4, "{}", mails.len());
        for mail in mails {
            let said = format!("{} {} {}", mail["subject"], mail["text"], mail["html"]).to_lowercase();
            assert!(["stolen", "lost", "insufficient", "fraud"].iter().all(|word| !said.contains(word)), "{said}");
        }
    }

    async fn the_first_mail_goes_at_once_and_no_reminder_comes_at_night(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        app.advance(chrono::Duration::hours(13)).await;
        let reference = failed(app, &connection, "pm_night", &["expired_card"]).await;
        assert_eq!(app.mails_to(PAULA).await.len(), 1, "ten in the evening, while the payer is still at it");
        app.advance(chrono::Duration::hours(72 + 9)).await;
        assert_eq!(app.mails_to(PAULA).await.len(), 1, "the reminder fell due at ten in the evening and waits");
        assert_eq!(states(&case(&clerk, &reference).await, "messages"), ["queued", "planned"]);
        app.advance(chrono::Duration::hours(2)).await;
        assert_eq!(app.mails_to(PAULA).await.len(), 2, "nine in the morning");
    }

    async fn one_address_gets_four_letters_a_day_and_what_is_more_is_put_off(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let mut references = Vec::new();
        for number in 0..7 {
            let payer = if number % 2 == 0 { PAULA } else { "Paula@Example.com" };
            references.push(failed_for(app, &connection, payer, &format!("pm_{number}"), &["expired_card"]).await);
        }
        failed_for(app, &connection, "peter@example.com", "pm_other", &["expired_card"]).await;
        assert_eq!((app.mails_to(PAULA).await.len(), app.mails_to("peter@example.com").await.len()), (4, 1));
        let waiting = case(&clerk, &references[6]).await;
        assert_eq!(states(&waiting, "messages"), ["planned"], "{waiting}");
        assert!(waiting["explanation"]["clamped_by"].to_string().contains("at most 4 mails a day and 10 a week"), "{waiting}");
        to_next_action(app, &waiting).await;
        app.settle().await;
        assert_eq!(app.mails_to(PAULA).await.len(), 7, "none is lost");
        assert_eq!(states(&case(&clerk, &references[6]).await, "messages")[0], "queued");
    }

    async fn cases_that_are_due_at_once_share_the_day_of_an_address(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let both = async |round: usize| {
            let body = |n: usize| report(&format!("e-{round}-{n}"), &format!("order-{round}-{n}"), "expired_card");
            let reports = (0..10).map(|n| clerk.post("/v1/events/payment_failed", with_connection(body(n), &connection)));
            futures::future::join_all(reports).await.into_iter().for_each(|answer| drop(answer.expect(201)));
            app.settle().await;
        };
        both(1).await;
        assert_eq!(app.mails_to(PAULA).await.len(), 4);
        days(app, 8).await;
        let written = app.mails_to(PAULA).await;
        assert!(written.len() > 10, "the week goes on: {}", written.len());
        for window in [(1, 4), (7, 10)] {
            assert!(most_within(&written, chrono::Duration::days(window.0)) <= window.1, "{window:?}");
        }
    }

    async fn words_that_are_links_stand_in_no_letter_to_a_payer(app: TestApp) {
        let alice = app.alice().await;
        alice.patch("/v1/auth/org", json!({"name": "PayPal. Verify: https://evil.example/pay"})).await.refused(422, "validation_failed");
        alice.patch("/v1/auth/org", json!({"name": "PayPal. Verify at evil.example/pay"})).await.ok();
        let (clerk, connection) = stage(app).await;
        for reference in ["evil.example", "order-1"] {
            send(&clerk, with_connection(report(reference, reference, "expired_card"), &connection)).await;
        }
        app.settle().await;
        let mails = app.mails_to(PAULA).await;
        assert_eq!(mails.len(), 2);
        for mail in &mails {
            assert!(!mail.to_string().contains("evil") && mail["subject"] == "Your payment did not go through", "{mail}");
        }
        assert!(mails.iter().any(|mail| mail["text"].as_str().is_some_and(|text| text.contains("(reference order-1)"))), "{mails:?}");
    }

    async fn while_the_payer_is_paying_nothing_else_is_tried(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let reference = failed(app, &connection, "pm_y", &["insufficient_funds"]).await;
        // The second decline comes on the morning of the second day, and the mail with it.
        app.advance(chrono::Duration::hours(2 * 24 + 3)).await;
        let link = format!("/pay/{}", app.token_to(PAULA).await);
        post(app, &link, &[]).await;
        let tried = charges(app, "pm_y").await.len();
        let found = case(&clerk, &reference).await;
        assert_eq!(found["state"], "customer_paying");
        app.advance(chrono::Duration::minutes(40)).await;
        assert_eq!(case(&clerk, &reference).await["state"], "scheduled", "back to where it was");
        assert_eq!(charges(app, "pm_y").await.len(), tried);
    }

    async fn a_payer_who_paid_in_the_last_minute_is_not_charged_again(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let reference = failed(app, &connection, "pm_z", &["expired_card"]).await;
        let link = format!("/pay/{}", app.token_to(PAULA).await);
        let page = post(app, &link, &[]).await.header("location").to_owned();
        app.nobody().post("/dev/sandbox/faults", json!({"delay_s": 2 * 24 * 3600})).await.expect(200);
        app.advance(chrono::Duration::minutes(30)).await;
        post(app, &page, &[("payment_method", "pm_card_visa")]).await;
        app.advance(chrono::Duration::minutes(5)).await;
        let found = case(&clerk, &reference).await;
        assert_eq!((found["state"].as_str(), found["outcome"]["mechanism"].as_str()), (Some("recovered"), Some("link:email")), "{found}");
        days(app, 5).await;
        assert_eq!(case(&clerk, &reference).await["paid"]["minor"], 4900, "the late report counts nothing more");
    }

    async fn the_slot_stays_taken_while_the_payer_is_at_a_second_link(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let reference = failed(app, &connection, "pm_two", &["expired_card"]).await;
        let id = case(&clerk, &reference).await["transaction_id"].as_str().expect("an id").parse().expect("an id");
        let mut tx = crate::money::tx(app).await;
        let expires_at = tx.now() + chrono::Duration::hours(5);
        let (_, second) = billing::links::issue(&mut tx, id, expires_at).await.expect("a link");
        tx.commit().await.expect("a commit");
        post(app, &format!("/pay/{}", app.token_to(PAULA).await), &[]).await;
        app.advance(chrono::Duration::minutes(20)).await;
        assert_eq!(post(app, &format!("/pay/{}", second.expose()), &[]).await.status, 303);
        app.advance(chrono::Duration::minutes(15)).await;
        assert_eq!(case(&clerk, &reference).await["state"], "customer_paying", "the first page has ended, the second has not");
        app.advance(chrono::Duration::minutes(20)).await;
        assert_eq!(case(&clerk, &reference).await["state"], "action_required");
    }

    async fn addresses_of_one_mailbox_share_its_letters(app: TestApp) {
        let (_, connection) = stage(app).await;
        let mut letters = 0;
        for number in 0..6 {
            let payer = format!("paula+{number}@example.com");
            failed_for(app, &connection, &payer, &format!("pm_{number}"), &["expired_card"]).await;
            letters += app.mails_to(&payer).await.len();
        }
        assert_eq!(letters, 4);
        app.expect_mail();
    }

    async fn a_letter_that_is_put_off_costs_no_call(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let way = Way::of(app, &connection, false).await;
        for number in 0..4 {
            failed(app, &connection, &format!("pm_{number}"), &["expired_card"]).await;
        }
        let calls = way.calls();
        assert_eq!(calls, 8, "one to take each failure in, one before each letter");
        let reference = failed(app, &connection, "pm_more", &["expired_card"]).await;
        assert_eq!((app.mails_to(PAULA).await.len(), way.calls()), (4, calls + 1));
        assert_eq!(states(&case(&clerk, &reference).await, "messages"), ["planned"]);
    }

    async fn a_letter_that_never_left_takes_up_no_rung(app: TestApp) {
        let (clerk, connection) = stage(app).await;
        let reference = failed(app, &connection, "pm_wait", &["expired_card"]).await;
        not_left_yet(app, PAULA).await;
        crate::alerts::dollars(app, &clerk, &reference).await;
        let found = case(&clerk, &reference).await;
        assert_eq!((found["state"].as_str(), states(&found, "messages")), (Some("paused"), vec!["skipped".to_owned(); 2]));
        app.alice().await.post_empty(&format!("/v1/cases/{}/resume", found["id"].as_str().expect("an id"))).await.expect(200);
        let mails = app.mails_to(PAULA).await;
        let found = case(&clerk, &reference).await;
        assert_eq!(states(&found, "messages"), ["skipped", "skipped", "queued", "planned"], "the first rung, at once");
        let subjects: Vec<_> = mails.iter().filter_map(|mail| mail["subject"].as_str()).collect();
        assert!(subjects.len() == 2 && !subjects[0].contains("Reminder"), "{subjects:?}");
        let summary = clerk.get("/v1/analytics/summary").await.expect(200);
        assert_eq!(summary["currencies"][0]["messages_sent"], 1, "{summary}");
    }
}
