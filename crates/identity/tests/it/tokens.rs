//! Access tokens and refresh tokens.

use super::*;

async fn refresh(app: &TestApp, token: &testkit::Value) -> Answer {
    app.nobody().post("/v1/auth/refresh", json!({"refresh_token": token})).await
}

testkit::stories! {
    async fn a_refresh_token_is_good_for_one_use(app: TestApp) {
        let nina = newcomer(app, "nina@initech.test").await;
        let next = refresh(app, &nina.profile["refresh_token"]).await.ok();
        assert_ne!(next["refresh_token"], nina.profile["refresh_token"]);
        assert_eq!(next["user"]["id"], nina.profile["user"]["id"]);
        app.holding(&next).get("/v1/auth/me").await.ok();
        refresh(app, &next["refresh_token"]).await.ok();
    }

    async fn whoever_is_removed_goes_on_as_a_member_of_nothing(app: TestApp) {
        let (alice, bob) = (app.alice().await, app.bob().await);
        let members = alice.get("/v1/org/members").await.ok();
        let bobs = members.as_array().unwrap().iter().find(|member| member["email"] == "bob@acme.test").unwrap();
        alice.delete(&format!("/v1/org/members/{}", bobs["id"].as_str().unwrap())).await.expect(204);
        let next = refresh(app, &bob.profile["refresh_token"]).await.ok();
        assert_eq!(next["organization"], json!(null));
        let next = app.holding(&next);
        assert_eq!(next.get("/v1/auth/me").await.ok()["id"], bob.profile["user"]["id"]);
        next.get("/v1/org/members").await.refused(403, "permission_denied");
        assert_eq!(refresh(app, &next.profile["refresh_token"]).await.status, 200);
    }

    async fn a_second_use_after_the_grace_ends_the_whole_family(app: TestApp) {
        let nina = newcomer(app, "nina@initech.test").await;
        let next = refresh(app, &nina.profile["refresh_token"]).await.ok();
        app.core.clock.advance(chrono::Duration::seconds(10));
        refresh(app, &nina.profile["refresh_token"]).await.refused(401, "refresh_token_refused");
        refresh(app, &next["refresh_token"]).await.refused(401, "refresh_token_refused");
        for client in [nina, app.holding(&next)] {
            client.get("/v1/auth/me").await.refused(401, "not_authenticated");
        }
        login(app, "nina@initech.test", OTHER_PASSWORD).await.ok();
    }

    async fn a_repeat_within_the_grace_gets_nothing_and_ends_nothing(app: TestApp) {
        let nina = newcomer(app, "nina@initech.test").await;
        let next = refresh(app, &nina.profile["refresh_token"]).await.ok();
        app.core.clock.advance(chrono::Duration::seconds(9));
        refresh(app, &nina.profile["refresh_token"]).await.refused(401, "refresh_token_refused");
        app.holding(&next).get("/v1/auth/me").await.ok();
        refresh(app, &next["refresh_token"]).await.ok();
    }

    async fn a_second_use_ends_the_family_at_once_when_the_next_token_was_used(app: TestApp) {
        let nina = newcomer(app, "nina@initech.test").await;
        let next = refresh(app, &nina.profile["refresh_token"]).await.ok();
        let last = refresh(app, &next["refresh_token"]).await.ok();
        refresh(app, &nina.profile["refresh_token"]).await.refused(401, "refresh_token_refused");
        app.holding(&last).get("/v1/auth/me").await.refused(401, "not_authenticated");
    }

    async fn of_fifty_refreshes_at_once_one_wins_and_goes_on(app: TestApp) {
        let nina = newcomer(app, "nina@initech.test").await;
        let tries = futures::future::join_all((0..50).map(|_| refresh(app, &nina.profile["refresh_token"]))).await;
        assert_eq!(tries.iter().filter(|answer| answer.status == 200).count(), 1);
        assert!(tries.iter().all(|answer| matches!(answer.status, 200 | 401)));
        let winner = tries.iter().find(|answer| answer.status == 200).unwrap();
        app.holding(&winner.body["data"]).get("/v1/auth/me").await.ok();
        refresh(app, &winner.body["data"]["refresh_token"]).await.ok();
    }

    async fn an_access_token_ends_after_fifteen_minutes_and_a_refresh_token_after_thirty_idle_days(app: TestApp) {
        let nina = newcomer(app, "nina@initech.test").await;
        app.core.clock.advance(chrono::Duration::minutes(15));
        nina.get("/v1/auth/me").await.refused(401, "not_authenticated");
        let next = refresh(app, &nina.profile["refresh_token"]).await.ok();
        app.core.clock.advance(chrono::Duration::days(30));
        refresh(app, &next["refresh_token"]).await.refused(401, "refresh_token_refused");
    }

    async fn no_refreshing_outlives_ninety_days(app: TestApp) {
        let mut held = newcomer(app, "nina@initech.test").await.profile;
        for _ in 0..4 {
            app.core.clock.advance(chrono::Duration::days(20));
            held = refresh(app, &held["refresh_token"]).await.ok();
        }
        app.core.clock.advance(chrono::Duration::days(10));
        refresh(app, &held["refresh_token"]).await.refused(401, "refresh_token_refused");
    }

    async fn a_clock_set_back_revives_nothing(app: TestApp) {
        let nina = newcomer(app, "nina@initech.test").await;
        app.core.clock.advance(chrono::Duration::minutes(16));
        nina.get("/v1/auth/me").await.refused(401, "not_authenticated");
        app.core.clock.advance(-chrono::Duration::minutes(16));
        nina.get("/v1/auth/me").await.refused(401, "not_authenticated");
    }

    async fn the_key_set_is_public_and_names_the_key_of_the_tokens(app: TestApp) {
        let nina = newcomer(app, "nina@initech.test").await;
        let set = app.nobody().get("/.well-known/jwks.json").await;
        assert_eq!((set.status, &set.body["keys"][0]["alg"]), (200, &json!("EdDSA")));
        let header = nina.token.as_deref().and_then(|token| token.split('.').next()).map(|part| base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, part));
        let header: testkit::Value = serde_json::from_slice(&header.unwrap().unwrap()).unwrap();
        assert_eq!((&header["kid"], &header["typ"]), (&set.body["keys"][0]["kid"], &json!("at+jwt")));
    }

    async fn nothing_else_passes_for_an_access_token(app: TestApp) {
        let nina = newcomer(app, "nina@initech.test").await;
        let verify = app.token_for("nina@initech.test", "/verify").await;
        app.nobody().post("/v1/auth/password/forgot", json!({"email": "nina@initech.test"})).await.ok();
        let reset = app.token_for("nina@initech.test", "/reset").await;
        app.alice().await.post("/v1/org/invitations", json!({"email": "nils@x.test", "role": "user"})).await.expect(201);
        let invitation = app.token_for("nils@x.test", "/invitations/accept").await;
        let browser = app.browser_of("alice@acme.test").await;
        let (csrf, sent) = (browser.csrf().await, browser.request(reqwest::Method::GET, "/").build().unwrap());
        let cookie = sent.headers()["cookie"].to_str().unwrap().split("autorisen_session=").nth(1).unwrap().split(';').next().unwrap().to_owned();
        let own = [nina.profile["refresh_token"].as_str().unwrap(), nina.profile["user"]["id"].as_str().unwrap()];
        for other in ["", "x", "a.b.c", own[0], own[1], &verify, &reset, &invitation, &csrf, &cookie] {
            let mut client = app.nobody();
            client.token = Some(other.to_owned());
            client.get("/v1/auth/me").await.refused(401, "not_authenticated");
            let stranger = app.nobody().with_header("cookie", &format!("autorisen_session={}", if other == cookie { own[0] } else { other }));
            stranger.get("/auth/web/me").await.refused(401, "not_authenticated");
        }
        app.expect_mail();
    }
}
