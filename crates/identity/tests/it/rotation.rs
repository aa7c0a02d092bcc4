//! The master key is replaced while people work.

use super::*;

const OLD: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";
const NEW: &str = "8899aabbccddeeff00112233445566778899aabbccddeeff0011223344556677";
/// When the old key ends: ten minutes after every story begins.
const UNTIL: &str = "2026-03-02T09:10:00Z";

const KEY: &str = "security.master_key";
const OTHER: &str = "security.previous_master_key";
const ENDS: &str = "security.previous_master_key_until";

/// The three steps: the new key is known, then it signs, then the old one is gone.
const STEPS: [&[(&str, &str)]; 3] = [&[(KEY, OLD), (OTHER, NEW), (ENDS, UNTIL)], &[(KEY, NEW), (OTHER, OLD), (ENDS, UNTIL)], &[(KEY, NEW)]];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_replaced_without_one_failure_and_the_old_one_is_dead_after_its_window() {
    with_settings(&[(KEY, OLD)], async |app| {
        let nina = newcomer(app, "nina@x.test").await;
        app.alice().await;
        let browser = app.browser_of("alice@acme.test").await;
        let (csrf, cookie) = (browser.csrf().await, cookies_of(&browser));
        let cursor = app.alice().await.get("/v1/audit?limit=1").await.body["meta"]["next_cursor"].as_str().unwrap().to_owned();
        for step in &STEPS[..2] {
            let replica = app.replica(modules(), step).await;
            replica.holding(&nina.profile).get("/v1/auth/me").await.ok();
            let form = replica.nobody().with_header("cookie", &cookie).with_header("origin", &app.base).with_header("x-csrf-token", &csrf);
            form.patch("/v1/auth/me", json!({"full_name": "Alice Admin"})).await.ok();
            let alice = replica.holding(&app.alice().await.profile);
            alice.get(&format!("/v1/audit?limit=1&cursor={cursor}")).await.ok();
            // What it gives is believed by those that are a step behind.
            let there = replica
                .holding(&replica.nobody().post("/v1/auth/login", json!({"email": "nina@x.test", "password": OTHER_PASSWORD})).await.ok());
            let behind = app.replica(modules(), STEPS[0]).await;
            behind.holding(&there.profile).get("/v1/auth/me").await.ok();
            behind.finish().await;
            replica.finish().await;
        }
        app.core.clock.set(UNTIL.parse().unwrap());
        let rotated = app.replica(modules(), STEPS[1]).await;
        rotated.holding(&nina.profile).get("/v1/auth/me").await.refused(401, "not_authenticated");
        let next = rotated.nobody().post("/v1/auth/refresh", json!({"refresh_token": nina.profile["refresh_token"]})).await.ok();
        let clean = app.replica(modules(), STEPS[2]).await;
        clean.holding(&next).get("/v1/auth/me").await.ok();
        let form = rotated.nobody().with_header("cookie", &cookie).with_header("origin", &app.base).with_header("x-csrf-token", &csrf);
        form.patch("/v1/auth/me", json!({"full_name": "Alice"})).await.refused(403, "csrf_failed");
        rotated.finish().await;
        clean.finish().await;
        app.expect_mail();
    })
    .await;
}

fn cookies_of(browser: &testkit::Browser) -> String {
    let sent = browser.request(reqwest::Method::GET, "/").build().unwrap();
    sent.headers()["cookie"].to_str().unwrap().to_owned()
}

#[test]
fn a_previous_key_without_an_end_is_refused_at_the_boot() {
    let sources = host::Sources::empty().set(KEY, NEW).set(OTHER, OLD);
    let error = host::Boot::new("autorisen", modules()).sources(sources).prepare().err().unwrap();
    assert!(error.to_string().contains("security.previous_master_key_until"), "{error}");
    let sources = host::Sources::empty().set(KEY, NEW).set(OTHER, "short").set(ENDS, UNTIL);
    let error = host::Boot::new("autorisen", modules()).sources(sources).prepare().err().unwrap();
    assert!(error.to_string().contains("security.previous_master_key:"), "{error}");
}
