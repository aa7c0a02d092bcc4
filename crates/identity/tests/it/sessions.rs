//! Listing and ending sessions.

use super::*;

testkit::stories! {
    async fn signing_out_ends_the_session_at_once(app: TestApp) {
        let nina = newcomer(app, "nina@initech.test").await;
        nina.get("/v1/auth/me").await.ok();
        nina.post_empty("/v1/auth/logout").await.expect(204);
        nina.get("/v1/auth/me").await.refused(401, "not_authenticated");
        let refresh = json!({"refresh_token": nina.profile["refresh_token"]});
        app.nobody().post("/v1/auth/refresh", refresh).await.refused(401, "refresh_token_refused");
    }

    async fn signing_out_everywhere_ends_every_session(app: TestApp) {
        let nina = newcomer(app, "nina@initech.test").await;
        let other = app.holding(&login(app, "nina@initech.test", OTHER_PASSWORD).await.ok());
        other.get("/v1/auth/me").await.ok();
        nina.post("/v1/auth/logout", json!({"everywhere": true})).await.expect(204);
        other.get("/v1/auth/me").await.refused(401, "not_authenticated");
    }

    async fn one_session_is_listed_and_ended_from_another(app: TestApp) {
        let nina = newcomer(app, "nina@initech.test").await;
        let other = app.holding(&login(app, "nina@initech.test", OTHER_PASSWORD).await.ok());
        let listed = nina.get("/v1/auth/sessions").await.ok();
        let all = listed.as_array().unwrap();
        assert_eq!((all.len(), all.iter().filter(|one| one["is_current"] == true).count()), (2, 1));
        let id = all.iter().find(|one| one["is_current"] == false).unwrap()["id"].as_str().unwrap();
        nina.delete(&format!("/v1/auth/sessions/{id}")).await.expect(204);
        other.get("/v1/auth/me").await.refused(401, "not_authenticated");
        nina.delete(&format!("/v1/auth/sessions/{id}")).await.refused(404, "session_not_found");
    }

    async fn another_persons_session_does_not_exist(app: TestApp) {
        let (alice, mallory) = (app.alice().await, app.mallory().await);
        let sessions = alice.get("/v1/auth/sessions").await.ok();
        let id = sessions[0]["id"].as_str().unwrap();
        mallory.delete(&format!("/v1/auth/sessions/{id}")).await.refused(404, "session_not_found");
        alice.get("/v1/auth/me").await.ok();
    }

    async fn a_person_goes_to_another_of_their_organizations(app: TestApp) {
        let alice = app.alice().await;
        let acme = &alice.profile["organization"]["id"];
        alice.post("/v1/org/invitations", json!({"email": "nina@initech.test", "role": "user"})).await.expect(201);
        let invitation = app.token_to("nina@initech.test").await;
        let home = newcomer(app, "nina@initech.test").await;
        home.post("/v1/auth/switch", json!({"org_id": acme})).await.refused(404, "organization_not_found");
        home.post("/v1/invitations/accept", json!({"token": invitation})).await.ok();
        let there = app.holding(&home.post("/v1/auth/switch", json!({"org_id": acme})).await.ok());
        let me = there.get("/v1/auth/me").await.ok();
        assert_eq!((&me["org_id"], &me["role"]), (acme, &json!("user")));
        home.get("/v1/auth/me").await.refused(401, "not_authenticated");
        let body = json!({"email": "nina@initech.test", "password": OTHER_PASSWORD, "org_id": acme});
        assert_eq!(&app.nobody().post("/v1/auth/login", body).await.ok()["organization"]["id"], acme);
    }

    async fn a_name_is_changed_everywhere(app: TestApp) {
        let nina = newcomer(app, "nina@initech.test").await;
        assert_eq!(nina.patch("/v1/auth/me", json!({"full_name": " Nina Newer "})).await.ok()["full_name"], "Nina Newer");
        assert_eq!(nina.get("/v1/org/members").await.ok()[0]["name"], "Nina Newer");
        nina.patch("/v1/auth/me", json!({"role": "viewer"})).await.refused(422, "validation_failed");
    }

    async fn what_happened_to_a_person_is_in_the_trail(app: TestApp) {
        let nina = newcomer(app, "nina@initech.test").await;
        login(app, "nina@initech.test", "wrong password indeed").await.refused(401, "credentials_wrong");
        login(app, "nina@initech.test", OTHER_PASSWORD).await.ok();
        let mut actions = String::new();
        // The failed sign-in is noted beside its answer.
        for _ in 0..100 {
            actions = nina.get("/v1/audit?limit=100").await.ok().to_string();
            if actions.contains("account.sign_in_failed") {
                break;
            }
            tokio::task::yield_now().await;
        }
        for action in ["account.registered", "account.signed_in", "account.sign_in_failed"] {
            assert!(actions.contains(action), "{action} in {actions}");
        }
    }
}
