//! A fresh proof before what outlives the session (ASVS 7.5.3).

use super::*;
use testkit::Browser;

const KEY: &str = "/v1/api-keys";

async fn mint(app: &TestApp, browser: &Browser) -> Answer {
    let csrf = browser.csrf().await;
    let request = browser.request(reqwest::Method::POST, KEY).header("origin", &app.base).header("x-csrf-token", csrf);
    browser.send(request.json(&json!({"name": "till", "scopes": ["org:read"]}))).await
}

/// The password once more, on the page.
async fn confirm(browser: &Browser, password: &str) -> Answer {
    let csrf = testkit::csrf_in(&browser.open("/confirm?return_to=/api-keys").await.text);
    browser.submit("/confirm", &[("_csrf", &csrf), ("password", password), ("return_to", "/api-keys")]).await
}

testkit::stories! {
    async fn a_browser_mints_no_key_without_a_fresh_proof(app: TestApp) {
        app.alice().await;
        let browser = app.browser_of("alice@acme.test").await;
        mint(app, &browser).await.expect(201);
        app.core.clock.advance(chrono::Duration::minutes(15));
        mint(app, &browser).await.refused(403, "fresh_proof_needed");
        let page = browser.open("/api-keys").await.text;
        assert!(page.contains("/confirm?return_to=/api-keys") && !page.contains("Create the key"), "{page}");
        let wrong = confirm(&browser, "wrong password indeed").await;
        assert!(wrong.status == 403 && wrong.text.contains("not right"), "{}", wrong.text);
        mint(app, &browser).await.refused(403, "fresh_proof_needed");
        let right = confirm(&browser, testkit::PASSWORD).await;
        assert_eq!((right.status, right.header("location")), (303, "/api-keys"), "{}", right.text);
        mint(app, &browser).await.expect(201);
        app.mails_to("alice@acme.test").await;
    }

    async fn a_proof_begins_a_new_session_and_ends_the_old_one(app: TestApp) {
        app.alice().await;
        let browser = app.browser_of("alice@acme.test").await;
        let old = browser.request(reqwest::Method::GET, "/").build().unwrap().headers()["cookie"].clone();
        assert_eq!(confirm(&browser, testkit::PASSWORD).await.status, 303);
        let stolen = app.nobody().with_header("cookie", old.to_str().unwrap());
        stolen.get("/auth/web/me").await.refused(401, "not_authenticated");
        browser.open("/auth/web/me").await.ok();
        app.mails_to("alice@acme.test").await;
    }

    async fn going_elsewhere_is_no_proof(app: TestApp) {
        let bob = app.bob().await;
        // They land where they were invited, and go to their own organization.
        app.settle().await;
        let browser = app.browser_of("bob@acme.test").await;
        app.core.clock.advance(chrono::Duration::minutes(15));
        let bob = app.sign_in("bob@acme.test").await.unwrap_or(bob);
        let own = bob.get("/v1/auth/sessions").await.ok();
        assert!(own.as_array().is_some_and(|all| all.len() >= 2));
        let account = browser.open("/account").await.text;
        let org = account.split("name=\"org_id\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        let csrf = browser.csrf().await;
        browser.submit("/account/switch", &[("_csrf", &csrf), ("org_id", org)]).await;
        mint(app, &browser).await.refused(403, "fresh_proof_needed");
        app.expect_mail();
    }

    async fn a_client_shows_its_password_again_and_gets_tokens_anew(app: TestApp) {
        let nina = newcomer(app, "nina@initech.test").await;
        nina.post("/v1/auth/confirm", json!({"password": "wrong password indeed"})).await.refused(403, "current_password_wrong");
        let renewed = nina.post("/v1/auth/confirm", json!({"password": OTHER_PASSWORD})).await.ok();
        nina.get("/v1/auth/me").await.refused(401, "not_authenticated");
        app.holding(&renewed).get("/v1/auth/me").await.ok();
    }

    async fn a_proof_is_no_way_to_guess(app: TestApp) {
        let nina = newcomer(app, "nina@initech.test").await;
        for _ in 0..5 {
            nina.post("/v1/auth/confirm", json!({"password": "wrong password indeed"})).await.refused(403, "current_password_wrong");
        }
        nina.post("/v1/auth/confirm", json!({"password": OTHER_PASSWORD})).await.refused(429, "rate_limited");
    }
}
