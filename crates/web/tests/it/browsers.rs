//! What other sites may do in somebody's browser.

use reqwest::Method;
use testkit::{Answer, Client, PASSWORD, TestApp, csrf_in};

use crate::configured;

const FRIEND: &str = "https://app.friend.test";

async fn open_to_a_friend() -> TestApp {
    configured(&[("server.cors_origins", "[\"https://app.friend.test\"]")]).await
}

/// A browser that asks before it sends.
async fn preflight(app: &TestApp, path: &str, origin: &str) -> Answer {
    let client = app.nobody();
    let request = client.request(Method::OPTIONS, path).header("origin", origin);
    client.send(request.header("access-control-request-method", "PATCH").header("access-control-request-headers", "authorization")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_origin_on_the_list_may_call_the_api() {
    let app = open_to_a_friend().await;
    let asked = preflight(&app, "/v1/auth/me", FRIEND).await;
    assert_eq!((asked.status, asked.header("access-control-allow-origin")), (204, FRIEND));
    assert!(asked.header("access-control-allow-methods").contains("PATCH"));
    assert!(asked.header("access-control-allow-headers").contains("authorization"));
    assert_eq!((asked.header("access-control-allow-credentials"), asked.header("access-control-max-age")), ("", "600"));
    let sent = app.nobody().with_header("origin", FRIEND).get("/v1/auth/me").await;
    assert_eq!((sent.status, sent.header("access-control-allow-origin"), sent.header("vary")), (401, FRIEND, "origin"));
    assert!(sent.header("access-control-expose-headers").contains("x-request-id"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_origins_and_pages_stay_closed() {
    let app = open_to_a_friend().await;
    for origin in
        ["https://evil.test", "http://app.friend.test", "https://app.friend.test.evil.test", "https://app.friend.test:444", "null", ""]
    {
        let asked = preflight(&app, "/v1/auth/me", origin).await;
        assert_eq!((asked.status, asked.header("access-control-allow-origin")), (204, ""), "{origin}");
        let sent = app.nobody().with_header("origin", origin).get("/v1/auth/me").await;
        assert_eq!((sent.header("access-control-allow-origin"), sent.header("vary")), ("", "origin"), "{origin}");
    }
    assert_eq!(app.nobody().get("/v1/auth/me").await.header("vary"), "origin", "a cache must not mix them up");
    assert_eq!(app.nobody().with_header("origin", FRIEND).get("/signin").await.header("access-control-allow-origin"), "");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_default_no_other_origin_may() {
    let app = crate::app().await;
    let asked = preflight(&app, "/v1/auth/me", FRIEND).await;
    assert_eq!((asked.status, asked.header("access-control-allow-origin"), asked.header("vary")), (204, "", ""));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_origin_may_where_the_settings_say_so_without_cookies() {
    let app = configured(&[("server.cors_origins", "[\"*\"]")]).await;
    let sent = app.nobody().with_header("origin", "https://any.test").get("/v1/auth/me").await;
    assert_eq!((sent.header("access-control-allow-origin"), sent.header("access-control-allow-credentials")), ("*", ""));
    app.finish().await;
}

/// Alice signs in through the form; what her browser then sends by itself.
async fn browser(app: &TestApp) -> (Client, String) {
    app.alice().await;
    let page = app.nobody().get("/signin").await;
    let pre = cookie(&page);
    let fields = [("email", "alice@acme.test"), ("password", PASSWORD), ("_csrf", &csrf_in(&page.text))];
    let signed_in = app.nobody().with_header("cookie", &pre).form("/signin", &fields).await;
    assert_eq!(signed_in.status, 303, "{}", signed_in.text);
    let client = app.nobody().with_header("cookie", &cookie(&signed_in));
    let me = client.get("/auth/web/me").await.ok();
    let token = me["csrf_token"].as_str().expect("a token").to_owned();
    (client, token)
}

/// The cookies that an answer sets, as a browser sends them back.
fn cookie(answer: &Answer) -> String {
    let lines = answer.headers.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok()?.split(';').next());
    lines.filter(|pair| !pair.ends_with('=')).collect::<Vec<_>>().join("; ")
}

async fn renames(client: &Client, headers: &[(&str, &str)]) -> Answer {
    let request = client.request(Method::PATCH, "/v1/auth/me").json(&testkit::json!({"full_name": "Alice"}));
    client.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_site_cannot_use_the_cookie() {
    let app = crate::app().await;
    let (client, token) = browser(&app).await;
    let ours = [("x-csrf-token", token.as_str()), ("origin", app.base.as_str())];
    assert_eq!(renames(&client, &ours).await.status, 200);
    assert_eq!(renames(&client, &[ours[0], ours[1], ("sec-fetch-site", "same-origin")]).await.status, 200);
    for wrong in [
        vec![ours[1]],
        vec![ours[0]],
        vec![ours[0], ("origin", "https://evil.test")],
        vec![ours[0], ours[1], ("origin", "https://evil.test")],
        vec![ours[0], ours[1], ours[1]],
        vec![ours[0], ours[1], ("sec-fetch-site", "cross-site")],
    ] {
        renames(&client, &wrong).await.refused(403, "csrf_failed");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_site_cannot_send_a_form() {
    let app = crate::app().await;
    let (client, token) = browser(&app).await;
    let fields = [("_csrf", token.as_str())];
    let crossed = client.clone().with_header("sec-fetch-site", "cross-site").form("/signout", &fields).await;
    assert_eq!(crossed.status, 403, "{}", crossed.text);
    let doubled = client.clone().with_header("origin", "https://evil.test").form("/signout", &fields).await;
    assert_eq!(doubled.status, 403, "{}", doubled.text);
    assert_eq!(client.form("/signout", &fields).await.status, 303);
    app.finish().await;
}

/// A console on a sibling address, trusted with the cookie by name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trusted_origin_may_come_with_the_cookie_and_the_token() {
    let app = configured(&[("server.cors_origins", "[\"https://app.friend.test\"]"), ("server.cors_credentials", "true")]).await;
    let (client, token) = browser(&app).await;
    let done = renames(&client, &[("origin", FRIEND), ("x-csrf-token", &token), ("sec-fetch-site", "same-site")]).await;
    assert_eq!((done.status, done.header("access-control-allow-credentials")), (200, "true"), "{}", done.text);
    renames(&client, &[("origin", FRIEND)]).await.refused(403, "csrf_failed");
    assert_eq!(client.with_header("origin", FRIEND).form("/signout", &[("_csrf", &token)]).await.status, 403, "forms are ours alone");
    app.finish().await;
}
