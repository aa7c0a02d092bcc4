use kernel::{LinkId, Secret, TransactionId};
use testkit::{Answer, Client, TestApp, json};

use crate::{known, modules, sandbox_of, tx};

/// A failed payment in the sandbox, by its reference.
async fn failed(app: &TestApp, connection: &str, amount: i64) -> String {
    let body = json!({"connection_id": connection, "customer": "paula@example.com", "amount": amount, "currency": "EUR", "outcomes": ["expired_card"]});
    let made = app.nobody().post("/dev/sandbox/charge", body).await.expect(201);
    app.settle().await;
    made["ref"].as_str().expect("a reference").to_owned()
}

async fn issue(app: &TestApp, of: &Client, reference: &str, hours: i64) -> (LinkId, Secret) {
    let transaction: TransactionId = known(of, reference).await["transaction_id"].as_str().expect("an id").parse().expect("an id");
    let mut tx = tx(app, of).await;
    let expires_at = tx.now() + chrono::Duration::hours(hours);
    let issued = billing::links::issue(&mut tx, transaction, expires_at).await.expect("a link");
    tx.commit().await.expect("a commit");
    issued
}

fn path_of(token: &Secret) -> String {
    format!("/pay/{}", token.expose())
}

async fn press(app: &TestApp, path: &str) -> Answer {
    let nobody = app.nobody();
    nobody.send(nobody.request("POST".parse().expect("a method"), path)).await
}

/// Pays on the sandbox's page that the button led to.
async fn pay_at(app: &TestApp, url: &str, method: &str) -> Answer {
    let nobody = app.nobody();
    nobody.send(nobody.request("POST".parse().expect("a method"), url).form(&[("payment_method", method)])).await
}

testkit::stories! {
    async fn a_payer_pays_through_the_link_and_its_siblings_end(app: TestApp) {
        let alice = app.alice().await;
        let connection = sandbox_of(&alice).await;
        let reference = failed(app, &connection, 4900).await;
        let ((_, first), (_, second)) = (issue(app, &alice, &reference, 24).await, issue(app, &alice, &reference, 24).await);
        for _ in 0..3 {
            let page = app.nobody().get(&path_of(&first)).await;
            assert!(page.status == 200 && page.text.contains("49.00 EUR") && page.text.contains("Acme"), "{}", page.text);
        }
        let away = press(app, &path_of(&first)).await;
        assert_eq!(away.status, 303, "{}", away.text);
        let hosted = away.header("location").to_owned();
        assert!(app.nobody().get(&hosted).await.text.contains("49.00 EUR"));
        let paid = pay_at(app, &hosted, "pm_card_visa").await;
        assert_eq!((paid.status, paid.header("location").ends_with("/done")), (303, true), "{}", paid.text);
        assert!(app.nobody().get(&format!("{}/done", path_of(&first))).await.text.contains("has arrived"));
        app.settle().await;
        let found = known(&alice, &reference).await;
        assert_eq!((found["transaction"]["state"].as_str(), found["receipts"].as_array().map(Vec::len)), (Some("paid"), Some(1)), "{found}");
        assert_eq!(found["receipts"][0]["via"], "link");
        let (used, revoked) = (app.nobody().get(&path_of(&first)).await, app.nobody().get(&path_of(&second)).await);
        assert!(used.status == 410 && used.text.contains("data-state=\"used\""), "{}", used.text);
        assert!(revoked.status == 410 && revoked.text.contains("data-state=\"revoked\""), "{}", revoked.text);
    }

    async fn a_second_press_leads_to_the_same_page(app: TestApp) {
        let alice = app.alice().await;
        let connection = sandbox_of(&alice).await;
        let reference = failed(app, &connection, 4900).await;
        let (_, token) = issue(app, &alice, &reference, 24).await;
        let (one, two) = (press(app, &path_of(&token)).await, press(app, &path_of(&token)).await);
        assert_eq!((one.status, one.header("location")), (303, two.header("location")));
        let declined = pay_at(app, one.header("location"), "pm_card_chargeDeclined").await;
        assert!(declined.status == 402 && declined.text.contains("declined"), "{}", declined.text);
        app.settle().await;
        assert!(app.nobody().get(&format!("{}/done", path_of(&token))).await.text.contains("Not paid yet"));
        let found = known(&alice, &reference).await;
        assert_eq!((found["transaction"]["state"].as_str(), found["failures"].as_array().map(Vec::len)), (Some("failed"), Some(2)), "{found}");
        assert_eq!(found["transaction"]["amount_due"]["minor"], 4900);
    }

    async fn who_leaves_may_come_back_while_the_link_lasts(app: TestApp) {
        let alice = app.alice().await;
        let connection = sandbox_of(&alice).await;
        let reference = failed(app, &connection, 4900).await;
        let (_, token) = issue(app, &alice, &reference, 24).await;
        let first = press(app, &path_of(&token)).await.header("location").to_owned();
        app.advance(chrono::Duration::minutes(40)).await;
        let second = press(app, &path_of(&token)).await;
        assert_eq!(second.status, 303, "{}", second.text);
        assert_ne!(first, second.header("location"), "the first page is closed");
        app.advance(chrono::Duration::hours(25)).await;
        let expired = app.nobody().get(&path_of(&token)).await;
        assert!(expired.status == 410 && expired.text.contains("data-state=\"expired\""), "{}", expired.text);
    }

    async fn nothing_opens_while_a_charge_is_on_its_way(app: TestApp) {
        let alice = app.alice().await;
        let connection = sandbox_of(&alice).await;
        let reference = failed(app, &connection, 4999).await;
        let (_, token) = issue(app, &alice, &reference, 24).await;
        let busy = press(app, &path_of(&token)).await;
        assert!(busy.status == 409 && busy.text.contains("data-state=\"busy\""), "{}", busy.text);
    }

    async fn an_unknown_token_is_an_unknown_link(app: TestApp) {
        for path in ["/pay/nothing".to_owned(), format!("/pay/{}", "x".repeat(500)), "/pay/nothing/done".into()] {
            let page = app.nobody().get(&path).await;
            assert!(page.status == 404 && page.text.contains("data-state=\"unknown\""), "{path}: {}", page.text);
        }
        assert_eq!(press(app, "/pay/nothing").await.status, 404);
    }

    async fn of_two_links_only_the_last_leads_to_a_page(app: TestApp) {
        let alice = app.alice().await;
        let connection = sandbox_of(&alice).await;
        let reference = failed(app, &connection, 4900).await;
        let ((_, first), (_, second)) = (issue(app, &alice, &reference, 24).await, issue(app, &alice, &reference, 24).await);
        let one = press(app, &path_of(&first)).await.header("location").to_owned();
        let two = press(app, &path_of(&second)).await.header("location").to_owned();
        app.settle().await;
        let closed = pay_at(app, &one, "pm_card_visa").await;
        assert!(closed.status == 402 && closed.text.contains("closed"), "{}", closed.text);
        assert_eq!(pay_at(app, &two, "pm_card_visa").await.status, 303);
        app.settle().await;
        let found = known(&alice, &reference).await;
        assert_eq!((found["transaction"]["state"].as_str(), found["receipts"].as_array().map(Vec::len)), (Some("paid"), Some(1)), "{found}");
    }

    async fn while_a_bank_thinks_nobody_pays_twice(app: TestApp) {
        use billing::links::{self, Visit};
        let alice = app.alice().await;
        let connection = sandbox_of(&alice).await;
        let reference = failed(app, &connection, 4900).await;
        let (link, token) = issue(app, &alice, &reference, 48).await;
        assert_eq!(press(app, &path_of(&token)).await.status, 303);
        let transaction: TransactionId = known(&alice, &reference).await["transaction_id"].as_str().expect("an id").parse().expect("an id");
        let mut tx = tx(app, &alice).await;
        let found = links::session_of(&mut tx, transaction).await.expect("an answer").expect("a session");
        let session = found.link.psp_session_id.expect("its id");
        let visit = Visit { session: &session, link: Some(link), told_at: tx.now() };
        links::session_processing(&mut tx, &visit).await.expect("kept");
        tx.commit().await.expect("a commit");
        app.advance(chrono::Duration::hours(20)).await;
        let busy = press(app, &path_of(&token)).await;
        assert!(busy.status == 409 && busy.text.contains("data-state=\"busy\""), "{}", busy.text);
        let mut tx = crate::tx(app, &alice).await;
        assert!(links::any_in_checkout(&mut tx, transaction).await.expect("an answer"));
        assert_eq!(links::session_failed(&mut tx, &visit).await.expect("an answer"), Some(transaction));
        assert!(!links::any_in_checkout(&mut tx, transaction).await.expect("an answer"));
        tx.commit().await.expect("a commit");
        assert_eq!(press(app, &path_of(&token)).await.status, 303, "the payer may try again");
    }
}
