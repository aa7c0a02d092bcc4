//! Those who ask too often.

use chrono::Duration;
use testkit::{Answer, Options, json};
use tokio::io::AsyncWriteExt as _;

use crate::said::{connect, until};
use crate::{configured, modules, with};

/// Strangers of one network have three requests a minute.
const THREE: (&str, &str) = ("limits.request.per_network.limit", "3");

/// `limit remaining reset`, as the answer tells.
fn told(answer: &Answer) -> String {
    ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"].map(|name| answer.header(name).to_owned()).join(" ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_are_told_how_many_are_left_and_when_to_come_again() {
    let app = configured(&[THREE]).await;
    for left in ["3 2 60", "3 1 60", "3 0 60"] {
        assert_eq!(told(&app.nobody().get("/v1/org/members").await), left);
    }
    app.core.clock.advance(Duration::seconds(15));
    let refused = app.nobody().get("/v1/org/members").await;
    refused.refused(429, "rate_limited");
    assert_eq!((told(&refused).as_str(), refused.header("retry-after")), ("3 0 45", "45"));
    app.core.clock.advance(Duration::seconds(45));
    assert_eq!(told(&app.nobody().get("/v1/org/members").await), "3 2 60");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_too_many_is_a_page_that_says_when_to_come_again() {
    let app = configured(&[THREE]).await;
    for _ in 0..3 {
        assert_eq!(app.nobody().get("/signin").await.status, 200);
    }
    let refused = app.nobody().get("/signin").await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "60"));
    assert!(refused.header("content-type").starts_with("text/html") && refused.text.contains("A moment, please"), "{}", refused.text);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_too_often_is_refused_before_the_body_is_waited_for() {
    let app = configured(&[("limits.request.per_network.limit", "1")]).await;
    app.nobody().get("/v1/org/members").await.refused(401, "not_authenticated");
    let head = "POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nIdempotency-Key: a\r\n";
    let mut socket = connect(&app).await;
    socket.write_all(format!("{head}Content-Length: 100\r\n\r\n").as_bytes()).await.expect("it reads");
    let refused = until(&mut socket, "\r\n\r\n").await;
    assert!(refused.starts_with("HTTP/1.1 429 "), "{refused}");
    drop(socket);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_header_makes_a_stranger_another_one() {
    let app = configured(&[THREE]).await;
    let names = ["x-forwarded-for", "x-real-ip", "forwarded", "cf-connecting-ip", "true-client-ip", "x-client-ip"];
    let mut statuses = vec![];
    for (number, name) in names.into_iter().enumerate() {
        let value = if name == "forwarded" { format!("for=198.51.100.{number}") } else { format!("198.51.100.{number}") };
        statuses.push(app.nobody().with_header(name, &value).get("/v1/org/members").await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 429, 429, 429]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_trusted_proxy_each_client_has_a_count_of_its_own() {
    let file = "server:\n  trusted_proxies: [127.0.0.1]\nlimits:\n  request:\n    per_network: {limit: 3}\n";
    let app = with(Options { file: Some(file), ..Options::default() }).await;
    let from = |address: &str| app.nobody().with_header("x-forwarded-for", address);
    for _ in 0..3 {
        from("198.51.100.7").get("/v1/org/members").await.refused(401, "not_authenticated");
    }
    from("198.51.100.7").get("/v1/org/members").await.refused(429, "rate_limited");
    // What a client writes before the proxy's own word is a claim.
    from("203.0.113.1, 198.51.100.7").get("/v1/org/members").await.refused(429, "rate_limited");
    from("198.51.100.8").get("/v1/org/members").await.refused(401, "not_authenticated");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_use_up_nothing_of_those_who_are_signed_in() {
    let app = configured(&[("limits.request.per_network.limit", "20"), ("limits.request.per_account.limit", "2")]).await;
    let alice = app.alice().await;
    for _ in 0..20 {
        app.nobody().get("/v1/org/members").await;
    }
    app.nobody().get("/v1/org/members").await.refused(429, "rate_limited");
    assert_eq!(alice.get("/v1/auth/me").await.status, 200);
    assert_eq!(told(&alice.get("/v1/auth/me").await), "2 0 60");
    alice.get("/v1/auth/me").await.refused(429, "rate_limited");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_keys_and_people_of_an_organization_share_one_count() {
    let app = configured(&[("limits.request.per_organization.limit", "4"), ("limits.request.per_key.limit", "3")]).await;
    let (alice, mallory) = (app.alice().await, app.mallory().await);
    let clerk = app.clerk(&["members:read"]).await;
    let asked: Vec<u16> = vec![
        clerk.get("/v1/org/members").await.status,
        clerk.get("/v1/org/members").await.status,
        alice.get("/v1/auth/me").await.status,
        alice.get("/v1/auth/me").await.status,
    ];
    // Making the key was alice's first.
    assert_eq!(asked, [200, 200, 200, 429]);
    assert_eq!(mallory.get("/v1/auth/me").await.status, 200);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_at_once_as_many_pass_as_may() {
    let app = configured(&[("limits.request.per_network.limit", "40")]).await;
    let asked = futures::future::join_all((0..100).map(|_| async { app.nobody().get("/v1/org/members").await.status })).await;
    assert_eq!(asked.iter().filter(|status| **status == 401).count(), 40);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_and_assets_are_not_counted() {
    let app = configured(&[("limits.request.per_network.limit", "1")]).await;
    for _ in 0..5 {
        let answer = app.nobody().get("/livez").await;
        assert_eq!((answer.status, answer.header("ratelimit-limit")), (200, ""));
    }
    assert_eq!(app.nobody().get("/health/valkey").await.status, 404, "there is none to be away");
    app.finish().await;
}

testkit::stories! {
    async fn the_limit_that_is_nearest_is_told(app: TestApp) {
        let wrong = json!({"email": "nobody@initech.test", "password": "wrong password indeed"});
        for left in ["5 4 900", "5 3 900"] {
            assert_eq!(told(&app.nobody().post("/v1/auth/login", wrong.clone()).await), left);
        }
    }
}
