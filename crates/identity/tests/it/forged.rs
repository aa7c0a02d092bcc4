//! Credentials that somebody made up: they cost little, only so often, and nobody else anything.

use chrono::Duration;

use super::*;

/// Five that were not seen before, from one network within a minute.
const FIVE: (&str, &str) = ("limits.credential.per_network.limit", "5");
/// Of the right form and of nobody.
const COOKIE: &str = "autorisen_session=0000000000000000000000000000000000000000000";
const KEY: &str = "ak_00000000_0000000000000000000000000000000000000000000";

async fn with_cookie(app: &TestApp, cookie: &str) -> Answer {
    app.nobody().with_header("cookie", cookie).get("/v1/org/members").await
}

async fn with_key(app: &TestApp, key: &str) -> Answer {
    let mut forger = app.nobody();
    forger.token = Some(key.to_owned());
    forger.get("/v1/org/members").await
}

/// Uses up what strangers have.
async fn flood(app: &TestApp) {
    for number in 0..10 {
        with_key(app, &KEY.replacen("00000000_0", &format!("0000000{number}_1"), 1)).await;
    }
    with_cookie(app, COOKIE).await.refused(429, "rate_limited");
    with_key(app, KEY).await.refused(429, "rate_limited");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_many_are_looked_up_and_then_none() {
    with_settings(&[FIVE], async |app| {
        for asked in 0..5 {
            let answer = if asked % 2 == 0 { with_cookie(app, COOKIE).await } else { with_key(app, KEY).await };
            answer.refused(401, "not_authenticated");
        }
        flood(app).await;
        assert_eq!(with_key(app, KEY).await.header("retry-after"), "60");
        let page = app.nobody().with_header("cookie", COOKIE).get("/account").await;
        assert_eq!(page.status, 429, "nobody is taken for a stranger without a look");
        app.core.clock.advance(Duration::minutes(1));
        with_cookie(app, COOKIE).await.refused(401, "not_authenticated");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_at_once_get_no_more_looks() {
    with_settings(&[FIVE], async |app| {
        let forged =
            (10..110).map(|number| async move { with_key(app, &KEY.replacen("000_0", &format!("000_{number}"), 1)[..55]).await.status });
        let statuses = futures::future::join_all(forged).await;
        assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 5);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_another_form_is_not_even_counted() {
    with_settings(&[FIVE], async |app| {
        for _ in 0..10 {
            with_cookie(app, "autorisen_session=short").await.refused(401, "not_authenticated");
            with_key(app, "ak_nothing").await.refused(401, "not_authenticated");
            with_key(app, "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSJ9.e30.AAAA").await.refused(401, "not_authenticated");
        }
        with_cookie(app, COOKIE).await.refused(401, "not_authenticated");
    })
    .await;
}

/// The same network, the same moment: whoever was let in before goes on, and new ways in work.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_who_forges_locks_nobody_out() {
    with_settings(&[FIVE], async |app| {
        let (alice, browser) = (app.alice().await, app.browser_of("alice@acme.test").await);
        let clerk = app.clerk(&["members:read"]).await;
        clerk.get("/v1/org/members").await.ok();
        for _ in 0..3 {
            flood(app).await;
            assert_eq!(browser.open("/account").await.status, 200);
            clerk.get("/v1/org/members").await.ok();
            alice.get("/v1/auth/me").await.ok();
            assert_eq!(app.browser_of("alice@acme.test").await.open("/account").await.status, 200, "a new session is known");
            // Nothing is believed for longer than some seconds; it is read anew.
            app.core.clock.advance(Duration::seconds(10));
        }
        app.nobody().get("/v1/org/members").await.refused(401, "not_authenticated");
        app.expect_mail();
    })
    .await;
}

/// Who comes with a cookie that nobody knows here (any more) is let in like somebody without one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_who_forges_shuts_no_door_that_is_open_to_everybody() {
    with_settings(&[FIVE], async |app| {
        let (alice, browser) = (app.alice().await, app.browser_of("alice@acme.test").await);
        let replica = app.replica(modules(), &[FIVE]).await;
        flood(&replica).await;
        let sent = browser.request(reqwest::Method::GET, "/").build().unwrap();
        for cookie in [COOKIE, sent.headers()["cookie"].to_str().unwrap()] {
            let client = replica.nobody().with_header("cookie", cookie);
            for page in ["/signin", "/signup", "/pay/of-nobody", "/forgot", "/livez"] {
                let status = client.get(page).await.status;
                assert!(status == 200 || status == 404, "{page}: {status}");
            }
            assert!(client.get("/signin").await.text.contains("name=\"password\""));
            let shown = json!({"email": "alice@acme.test", "password": testkit::PASSWORD});
            client.post("/v1/auth/login", shown).await.ok();
            client.get("/v1/auth/me").await.refused(429, "rate_limited");
            client.get("/auth/web/me").await.refused(429, "rate_limited");
            assert_eq!(client.get("/account").await.header("retry-after"), "60");
        }
        assert_eq!(replica.browser_of("alice@acme.test").await.open("/account").await.status, 200, "a new session is known");
        alice.get("/v1/auth/me").await.ok();
        app.expect_mail();
        replica.finish().await;
    })
    .await;
}

/// A session that ended, in a browser that still has its cookie.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_back_with_an_old_cookie_signs_in_while_somebody_forges() {
    with_settings(&[FIVE], async |app| {
        let (alice, browser) = (app.alice().await, app.browser_of("alice@acme.test").await);
        alice.post("/v1/auth/logout", json!({"everywhere": true})).await.expect(204);
        assert_eq!(browser.open("/account").await.status, 303, "it is found to be over");
        flood(app).await;
        assert_eq!(browser.open("/account").await.status, 429);
        let form = browser.open("/signin").await;
        assert_eq!(form.status, 200, "{}", form.text);
        let csrf = testkit::csrf_in(&form.text);
        let fields = [("_csrf", csrf.as_str()), ("email", "alice@acme.test"), ("password", testkit::PASSWORD)];
        assert_eq!(browser.submit("/signin", &fields).await.status, 303);
        assert_eq!(browser.open("/account").await.status, 200);
        app.expect_mail();
    })
    .await;
}

/// A session that is over, or a key that is revoked, was true once, and is no licence to ask for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_true_once_is_counted_when_it_is_over() {
    with_settings(&[FIVE], async |app| {
        let alice = app.alice().await;
        let clerk = app.clerk(&["members:read"]).await;
        clerk.get("/v1/org/members").await.ok();
        alice.delete(&format!("/v1/api-keys/{}", clerk.profile["id"].as_str().unwrap())).await.expect(204);
        let mut statuses = vec![];
        for _ in 0..8 {
            statuses.push(clerk.get("/v1/org/members").await.status);
        }
        // The first use was counted, and the look that found it revoked was not.
        assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429, 429]);
        app.expect_mail();
    })
    .await;
}

testkit::stories! {
    /// On SQLite one writes at a time: whoever makes tokens up must not stand in that line.
    async fn a_made_up_refresh_token_waits_for_nobody_who_writes(app: TestApp) {
        let writing = app.core.store.system("a story writes for a long time").await.unwrap();
        for token in ["of-nobody", "0000000000000000000000000000000000000000000"] {
            let asked = app.nobody();
            let asked = asked.post("/v1/auth/refresh", json!({"refresh_token": token}));
            let refused = tokio::time::timeout(std::time::Duration::from_secs(3), asked).await.expect("it waits for nobody");
            refused.refused(401, "refresh_token_refused");
        }
        drop(writing);
    }

    async fn a_made_up_token_of_a_mail_waits_for_nobody_who_writes(app: TestApp) {
        let writing = app.core.store.system("a story writes for a long time").await.unwrap();
        for token in ["of-nobody", "0000000000000000000000000000000000000000000"] {
            for (path, body) in [
                ("/v1/auth/verify-email", json!({"token": token, "password": OTHER_PASSWORD})),
                ("/v1/auth/password/reset", json!({"token": token, "password": OTHER_PASSWORD})),
            ] {
                let asked = app.nobody();
                let asked = asked.post(path, body);
                let refused = tokio::time::timeout(std::time::Duration::from_secs(3), asked).await.expect("it waits for nobody");
                refused.refused(422, "proof_token_refused");
            }
        }
        drop(writing);
    }
}
