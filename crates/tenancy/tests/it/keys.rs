use chrono::Duration;
use testkit::json;

use crate::modules;

const PATH: &str = "/v1/api-keys";

testkit::stories! {
    async fn a_key_does_what_its_scopes_say_and_nothing_else(app: TestApp) {
        let clerk = app.clerk(&["members:read"]).await;
        clerk.get("/v1/org/members").await.ok();
        clerk.get("/v1/audit").await.refused(403, "permission_denied");
        clerk.post(PATH, json!({"name": "x", "scopes": ["members:read"]})).await.refused(403, "permission_denied");
    }

    async fn a_key_is_shown_once_and_lists_tell_when_it_was_used(app: TestApp) {
        let (alice, clerk) = (app.alice().await, app.clerk(&["members:read"]).await);
        assert!(alice.get(PATH).await.ok()[0]["last_used_at"].is_null());
        clerk.get("/v1/org/members").await.ok();
        let listed = alice.get(PATH).await;
        assert!(!listed.text.contains(clerk.token.as_deref().unwrap()) && !listed.text.contains("key_hash"));
        let first = listed.ok()[0]["last_used_at"].clone();
        app.advance(Duration::seconds(59)).await;
        clerk.get("/v1/org/members").await.ok();
        assert_eq!(alice.get(PATH).await.ok()[0]["last_used_at"], first, "at most once a minute");
        app.advance(Duration::seconds(1)).await;
        clerk.get("/v1/org/members").await.ok();
        assert_ne!(alice.get(PATH).await.ok()[0]["last_used_at"], first);
    }

    async fn a_revoked_key_is_refused_at_once(app: TestApp) {
        let (alice, clerk, mallory) = (app.alice().await, app.clerk(&["members:read"]).await, app.mallory().await);
        clerk.get("/v1/org/members").await.ok();
        let path = format!("{PATH}/{}", clerk.profile["id"].as_str().unwrap());
        mallory.delete(&path).await.refused(404, "api_key_not_found");
        assert_eq!(alice.delete(&path).await.status, 204);
        clerk.get("/v1/org/members").await.refused(401, "not_authenticated");
    }

    async fn an_expired_key_is_refused(app: TestApp) {
        let alice = app.alice().await;
        let end = app.now() + Duration::minutes(2);
        let made = alice.post(PATH, json!({"name": "short", "scopes": ["members:read"], "expires_at": end})).await.expect(201);
        let mut short = app.nobody();
        short.token = made["key"].as_str().map(str::to_owned);
        short.get("/v1/org/members").await.ok();
        app.advance(Duration::minutes(2)).await;
        short.get("/v1/org/members").await.refused(401, "not_authenticated");
        let past = alice.post(PATH, json!({"name": "late", "scopes": ["members:read"], "expires_at": end})).await;
        assert_eq!(past.field("expires_at"), "must lie in the future", "{}", past.text);
    }

    async fn the_keys_of_whoever_is_removed_are_dead_for_good(app: TestApp) {
        let (alice, bob) = (app.alice().await, app.bob().await);
        let members = alice.get("/v1/org/members").await.ok();
        let bobs = members.as_array().unwrap().iter().find(|member| member["email"] == "bob@acme.test").unwrap();
        let bobs = format!("/v1/org/members/{}", bobs["id"].as_str().unwrap());
        alice.patch(&bobs, json!({"role": "admin"})).await.ok();
        let made = bob.post(PATH, json!({"name": "bobs", "scopes": ["members:read", "audit:read"]})).await.expect(201);
        let mut machine = app.nobody();
        machine.token = made["key"].as_str().map(str::to_owned);
        machine.get("/v1/audit").await.ok();
        alice.patch(&bobs, json!({"role": "viewer"})).await.ok();
        machine.get("/v1/audit").await.refused(403, "permission_denied");
        machine.get("/v1/org/members").await.ok();
        assert_eq!(alice.delete(&bobs).await.status, 204);
        machine.get("/v1/org/members").await.refused(401, "not_authenticated");
        assert!(alice.get(PATH).await.ok()[0]["revoked_at"].is_string());
    }

    async fn a_scope_that_is_none_is_named(app: TestApp) {
        let alice = app.alice().await;
        let wrong = alice.post(PATH, json!({"name": "x", "scopes": ["world:rule"]})).await;
        assert_eq!(wrong.field("scopes"), "`world:rule` is not a permission", "{}", wrong.text);
        alice.post(PATH, json!({"name": "x", "scopes": [], "org_id": "x"})).await.refused(422, "validation_failed");
    }
}
