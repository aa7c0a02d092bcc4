//! Frozen accounts.

use super::*;
use identity::accounts;

async fn freeze(app: &TestApp, email: &str, frozen: bool) -> bool {
    accounts::freeze(&app.core, &email.parse().unwrap(), frozen).await.unwrap()
}

testkit::stories! {
    async fn frozen_every_way_in_is_shut(app: TestApp) {
        let alice = app.alice().await;
        let clerk = app.clerk(&["members:read"]).await;
        clerk.get("/v1/org/members").await.ok();
        assert!(freeze(app, "alice@acme.test", true).await);
        alice.get("/v1/org/members").await.refused(401, "not_authenticated");
        clerk.get("/v1/org/members").await.refused(401, "not_authenticated");
        let refresh = json!({"refresh_token": alice.profile["refresh_token"]});
        app.nobody().post("/v1/auth/refresh", refresh).await.refused(401, "refresh_token_refused");
        assert!(app.sign_in("alice@acme.test").await.is_none());
        app.nobody().post("/v1/auth/password/forgot", json!({"email": "alice@acme.test"})).await.ok();
        let mails = app.mails_to("alice@acme.test").await;
        assert!(!mails[0]["subject"].as_str().unwrap().contains("new password"), "{mails:?}");
    }

    async fn what_a_frozen_account_has_invited_opens_to_nobody_until_it_is_let_in(app: TestApp) {
        let nina = newcomer(app, "nina@initech.test").await;
        let alice = app.alice().await;
        alice.post("/v1/org/invitations", json!({"email": "nina@initech.test", "role": "admin"})).await.expect(201);
        app.core.clock.advance(chrono::Duration::seconds(1));
        alice.post("/v1/org/invitations", json!({"email": "nils@initech.test", "role": "admin"})).await.expect(201);
        let (hers, his) = (app.token_to("nina@initech.test").await, app.token_to("nils@initech.test").await);
        freeze(app, "alice@acme.test", true).await;
        nina.post("/v1/invitations/accept", json!({"token": hers})).await.refused(404, "invitation_not_found");
        let joining = json!({"token": his, "password": OTHER_PASSWORD, "full_name": "Nils"});
        app.nobody().post("/v1/auth/register/invited", joining.clone()).await.refused(404, "invitation_not_found");
        assert_eq!(app.nobody().get(&format!("/invitations/accept?token={his}")).await.status, 404);
        freeze(app, "alice@acme.test", false).await;
        nina.post("/v1/invitations/accept", json!({"token": hers})).await.ok();
        app.nobody().post("/v1/auth/register/invited", joining).await.expect(201);
    }

    async fn a_frozen_account_looks_like_a_wrong_password(app: TestApp) {
        newcomer(app, "nina@initech.test").await;
        freeze(app, "nina@initech.test", true).await;
        login(app, "nina@initech.test", OTHER_PASSWORD).await.refused(401, "credentials_wrong");
        freeze(app, "nina@initech.test", false).await;
        login(app, "nina@initech.test", OTHER_PASSWORD).await.ok();
    }

    async fn an_operator_ends_every_session_of_an_account(app: TestApp) {
        let nina = newcomer(app, "nina@initech.test").await;
        nina.get("/v1/auth/me").await.ok();
        assert!(accounts::sign_out(&app.core, &"nina@initech.test".parse().unwrap()).await.unwrap());
        assert!(!accounts::sign_out(&app.core, &"nobody@initech.test".parse().unwrap()).await.unwrap());
        nina.get("/v1/auth/me").await.refused(401, "not_authenticated");
        let refresh = json!({"refresh_token": nina.profile["refresh_token"]});
        app.nobody().post("/v1/auth/refresh", refresh).await.refused(401, "refresh_token_refused");
        login(app, "nina@initech.test", OTHER_PASSWORD).await.ok();
    }

    async fn an_operator_lists_and_adds_accounts(app: TestApp) {
        let new = accounts::NewAccount {
            email: "otto@initech.test".parse().unwrap(),
            password: kernel::Secret::new(OTHER_PASSWORD),
            full_name: "Otto Operator".into(),
            org_name: "Initech".into(),
            org_slug: None,
        };
        accounts::add(&app.core, new).await.unwrap();
        assert!(!freeze(app, "nobody@initech.test", true).await);
        assert_eq!(accounts::list(&app.core).await.unwrap().len(), 1);
        assert!(login(app, "otto@initech.test", OTHER_PASSWORD).await.ok()["user"]["email_verified_at"].is_string());
    }
}
