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

/// What was signed before the exchange: a token, a form's token with its cookie, a cursor.
struct Signed {
    token: Client,
    cookie: String,
    csrf: String,
    cursor: String,
}

impl Signed {
    async fn by(app: &TestApp) -> Self {
        let token = app.alice().await;
        let browser = app.browser_of("alice@acme.test").await;
        let sent = browser.request(reqwest::Method::GET, "/").build().unwrap();
        let cursor = token.get("/v1/audit?limit=1").await.body["meta"]["next_cursor"].as_str().unwrap().to_owned();
        Self { token, cookie: sent.headers()["cookie"].to_str().unwrap().to_owned(), csrf: browser.csrf().await, cursor }
    }

    /// The status with which each is answered.
    async fn believed_by(&self, app: &TestApp, origin: &str) -> [u16; 3] {
        let client = app.holding(&self.token.profile);
        let form = app.nobody().with_header("cookie", &self.cookie).with_header("x-csrf-token", &self.csrf).with_header("origin", origin);
        let fresh = app.holding(&login(app, "alice@acme.test", testkit::PASSWORD).await.ok());
        [
            client.get("/v1/auth/me").await.status,
            form.patch("/v1/auth/me", json!({"full_name": "Alice Admin"})).await.status,
            fresh.get(&format!("/v1/audit?limit=1&cursor={}", self.cursor)).await.status,
        ]
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_replaced_without_one_failure_and_the_old_one_is_dead_after_its_window() {
    with_settings(&[(KEY, OLD)], async |app| {
        let signed = Signed::by(app).await;
        for step in &STEPS[..2] {
            let replica = app.replica(modules(), step).await;
            assert_eq!(signed.believed_by(&replica, &app.base).await, [200; 3], "{step:?}");
            replica.finish().await;
        }
        app.core.clock.set(UNTIL.parse().unwrap());
        let rotated = app.replica(modules(), STEPS[1]).await;
        assert_eq!(signed.believed_by(&rotated, &app.base).await, [401, 403, 422]);
        rotated.finish().await;
        app.mails_to("alice@acme.test").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_new_key_signs_is_believed_by_those_that_are_a_step_behind_and_ahead() {
    with_settings(&[(KEY, OLD)], async |app| {
        let nina = newcomer(app, "nina@x.test").await;
        let [behind, rotated, ahead] = [0, 1, 2].map(|step| app.replica(modules(), STEPS[step]));
        let (behind, rotated, ahead) = (behind.await, rotated.await, ahead.await);
        let refresh = json!({"refresh_token": nina.profile["refresh_token"]});
        let next = rotated.nobody().post("/v1/auth/refresh", refresh).await.ok();
        for replica in [&behind, &rotated, &ahead] {
            replica.holding(&next).get("/v1/auth/me").await.ok();
        }
        for replica in [behind, rotated, ahead] {
            replica.finish().await;
        }
    })
    .await;
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
