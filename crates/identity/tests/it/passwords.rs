//! Forgetting, resetting and changing a password.

use super::*;

const NEW: &str = "seven kettles under the harbour";

async fn forgot(app: &TestApp, email: &str) -> Answer {
    app.nobody().post("/v1/auth/password/forgot", json!({"email": email})).await
}

async fn reset(app: &TestApp, token: &str, password: &str) -> Answer {
    app.nobody().post("/v1/auth/password/reset", json!({"token": token, "password": password})).await
}

testkit::stories! {
    async fn a_reset_ends_every_session_and_begins_none(app: TestApp) {
        let nina = newcomer(app, "nina@initech.test").await;
        forgot(app, "nina@initech.test").await.ok();
        let token = app.token_to("nina@initech.test").await;
        app.core.clock.advance(chrono::Duration::seconds(1));
        assert!(reset(app, &token, NEW).await.ok().get("access_token").is_none());
        nina.get("/v1/auth/me").await.refused(401, "not_authenticated");
        let refresh = json!({"refresh_token": nina.profile["refresh_token"]});
        app.nobody().post("/v1/auth/refresh", refresh).await.refused(401, "refresh_token_refused");
        login(app, "nina@initech.test", OTHER_PASSWORD).await.refused(401, "credentials_wrong");
        login(app, "nina@initech.test", NEW).await.ok();
        reset(app, &token, OTHER_PASSWORD).await.refused(422, "proof_token_refused");
        assert!(app.mail_to("nina@initech.test").await["subject"].as_str().is_some_and(|subject| subject.contains("password was changed")));
    }

    async fn a_reset_link_ends_after_half_an_hour(app: TestApp) {
        newcomer(app, "nina@initech.test").await;
        forgot(app, "nina@initech.test").await.ok();
        let token = app.token_to("nina@initech.test").await;
        app.advance(chrono::Duration::minutes(30)).await;
        reset(app, &token, NEW).await.refused(422, "proof_token_refused");
    }

    async fn a_refused_password_does_not_spend_the_link(app: TestApp) {
        newcomer(app, "nina@initech.test").await;
        forgot(app, "nina@initech.test").await.ok();
        let token = app.token_to("nina@initech.test").await;
        let refused = reset(app, &token, "password1234").await;
        refused.refused(422, "validation_failed");
        assert!(!refused.field("password").is_empty());
        reset(app, &token, NEW).await.ok();
        app.mails_to("nina@initech.test").await;
    }

    async fn an_unknown_address_gets_the_same_answer_and_no_mail(app: TestApp) {
        newcomer(app, "nina@initech.test").await;
        let (known, unknown) = (forgot(app, "nina@initech.test").await, forgot(app, "nobody@initech.test").await);
        assert_eq!((known.status, &known.body["data"]), (unknown.status, &unknown.body["data"]));
        assert!(app.mails_to("nobody@initech.test").await.is_empty());
    }

    async fn fifty_resets_at_once_are_one(app: TestApp) {
        newcomer(app, "nina@initech.test").await;
        forgot(app, "nina@initech.test").await.ok();
        let token = app.token_to("nina@initech.test").await;
        let tries = futures::future::join_all((0..50).map(|_| reset(app, &token, NEW))).await;
        assert_eq!(tries.iter().filter(|answer| answer.status == 200).count(), 1);
        app.mails_to("nina@initech.test").await;
    }

    async fn a_change_needs_the_current_password(app: TestApp) {
        let nina = newcomer(app, "nina@initech.test").await;
        let change = |current: &str| json!({"current_password": current, "new_password": NEW});
        nina.post("/v1/auth/password/change", change("not the current one")).await.refused(403, "current_password_wrong");
        login(app, "nina@initech.test", OTHER_PASSWORD).await.ok();
        let same = json!({"current_password": OTHER_PASSWORD, "new_password": OTHER_PASSWORD});
        nina.post("/v1/auth/password/change", same).await.refused(422, "validation_failed");
        app.nobody().post("/v1/auth/password/change", change(OTHER_PASSWORD)).await.refused(401, "not_authenticated");
    }

    async fn a_change_ends_what_was_issued_before_and_goes_on_anew(app: TestApp) {
        let nina = newcomer(app, "nina@initech.test").await;
        let other = app.holding(&login(app, "nina@initech.test", OTHER_PASSWORD).await.ok());
        let change = json!({"current_password": OTHER_PASSWORD, "new_password": NEW});
        let renewed = nina.post("/v1/auth/password/change", change).await.ok();
        for old in [&nina, &other] {
            old.get("/v1/auth/me").await.refused(401, "not_authenticated");
        }
        app.holding(&renewed).get("/v1/auth/me").await.ok();
        login(app, "nina@initech.test", NEW).await.ok();
        app.mails_to("nina@initech.test").await;
    }
}
