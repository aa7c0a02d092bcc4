//! Read-only mode: people read, sign in and out; nothing else happens.

use testkit::{PASSWORD, TestApp, json};

async fn resting() -> TestApp {
    crate::configured(&[("server.read_only", "true")]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_change_something_is_refused() {
    let app = resting().await;
    let new = json!({"email": "alice@acme.test", "password": PASSWORD, "full_name": "Alice", "org_name": "Acme"});
    let refused = app.nobody().post("/v1/auth/register", new).await;
    refused.refused(503, "read_only");
    assert_eq!(refused.header("retry-after"), "60");
    app.nobody().patch("/v1/auth/me", json!({})).await.refused(503, "read_only");
    app.nobody().delete("/v1/api-keys/key_1").await.refused(503, "read_only");
    let page = app.nobody().form("/signup", &[("email", "a@x.test")]).await;
    assert_eq!((page.status, page.header("retry-after")), (503, "60"));
    assert!(page.header("content-type").starts_with("text/html") && page.text.contains("read-only"), "{}", page.text);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_and_signing_in_go_on() {
    let app = resting().await;
    for path in ["/livez", "/readyz", "/version"] {
        assert_eq!(app.nobody().get(path).await.status, 200, "{path}");
    }
    let page = app.nobody().get("/signin").await;
    assert!(page.status == 200 && page.text.contains("read-only"), "a page says so: {}", page.text);
    let wrong = json!({"email": "nobody@x.test", "password": "not-the-Right-0ne"});
    assert_eq!(app.nobody().post("/v1/auth/login", wrong).await.status, 401, "whoever has an account gets in");
    app.nobody().post("/v1/auth/refresh", json!({"refresh_token": "of-nobody"})).await.refused(401, "refresh_token_refused");
    app.nobody().post_empty("/v1/auth/logout").await.refused(401, "not_authenticated");
    app.finish().await;
}
