//! Links from mails in the hands of somebody who means no good: what they cost, and what they take from
//! others.

use super::mail_first::{MAIL_FIRST, new, register, settled, two_links, verify, verify_choosing};
use super::*;
use identity::passwords;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_in_vain_keeps_no_mail_from_those_in_other_networks() {
    let behind_a_proxy = [MAIL_FIRST[0], ("server.trusted_proxies", "[\"127.0.0.1\"]")];
    with_settings(&behind_a_proxy, async |app| {
        let from = async |address: &str| {
            let client = app.nobody().with_header("x-forwarded-for", address);
            client.post("/v1/auth/register", new("nina@x.test", "initech")).await.expect(202);
        };
        for _ in 0..30 {
            from("198.51.100.7").await;
        }
        assert_eq!(app.mails_to("nina@x.test").await.len(), 5);
        from("203.0.113.9").await;
        assert_eq!(app.mails_to("nina@x.test").await.len(), 6, "her own");
        for network in 10..20 {
            for _ in 0..5 {
                from(&format!("203.0.113.{network}")).await;
            }
        }
        assert_eq!(app.mails_to("nina@x.test").await.len(), 20);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_link_to_an_address_that_has_an_account_costs_no_hash_and_is_spent() {
    with_settings(&MAIL_FIRST, async |app| {
        let [first, second] = two_links(app).await;
        verify(app, &first).await.ok();
        let before = passwords::hashes_computed(&app.core);
        for _ in 0..10 {
            verify(app, &second).await.refused(422, "proof_token_refused");
        }
        assert_eq!(passwords::hashes_computed(&app.core), before);
        assert!(!app.all_rows().await.iter().any(|row| row.table == "pending_registrations"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn weak_passwords_are_judged_so_often_with_one_link_and_from_one_network() {
    let few = [MAIL_FIRST[0], ("limits.choose.per_account.limit", "3"), ("limits.choose.per_network.limit", "5")];
    with_settings(&few, async |app| {
        let mut statuses = Vec::new();
        for (email, slug) in [("nina@x.test", "initech"), ("nils@x.test", "hooli")] {
            register(app, email, slug).await.expect(202);
            let token = app.token_for(email, "/verify").await;
            for _ in 0..4 {
                statuses.push(verify_choosing(app, &token, "password1234").await.status);
            }
            app.core.clock.advance(chrono::Duration::seconds(1));
        }
        assert_eq!(statuses, [422, 422, 422, 429, 422, 429, 429, 429], "the fourth try counted for the network, too");
        app.core.clock.advance(chrono::Duration::hours(1));
        verify(app, &app.token_for("nils@x.test", "/verify").await).await.ok();
        newcomer_resets(app).await;
    })
    .await;
}

/// The link of a reset is one of them.
async fn newcomer_resets(app: &TestApp) {
    app.nobody().post("/v1/auth/password/forgot", json!({"email": "nils@x.test"})).await.ok();
    let token = app.token_for("nils@x.test", "/reset").await;
    for status in [422, 422, 422, 429] {
        let answer = app.nobody().post("/v1/auth/password/reset", json!({"token": token, "password": "password1234"})).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
}

/// Beside this release, or after a step back from it: the account is made of what the row says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_an_older_release_makes_of_a_link_has_nobodys_password_and_can_be_reset() {
    with_settings(&MAIL_FIRST, async |app| {
        settled(app, "nina@x.test", "initech").await;
        register(app, "nils@x.test", "hooli").await.expect(202);
        let schema = if app.engine == testkit::TestEngine::Postgres { "auth." } else { "" };
        let copied = format!("update {schema}accounts set password_hash = (select max(password_hash) from {schema}pending_registrations)");
        assert_eq!(store::testing::owner_sql(&app.core.store, copied).await.unwrap(), 1);
        for password in [OTHER_PASSWORD, "x"] {
            login(app, "nina@x.test", password).await.refused(401, "credentials_wrong");
        }
        app.nobody().post("/v1/auth/password/forgot", json!({"email": "nina@x.test"})).await.ok();
        let reset = json!({"token": app.token_for("nina@x.test", "/reset").await, "password": OTHER_PASSWORD});
        app.nobody().post("/v1/auth/password/reset", reset).await.ok();
        login(app, "nina@x.test", OTHER_PASSWORD).await.ok();
        app.expect_mail();
    })
    .await;
}
