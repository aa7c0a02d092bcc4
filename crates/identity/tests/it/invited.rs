//! Invited, without an account and with one.

use super::*;

const INVITED: &str = "/v1/auth/register/invited";

/// Alice invites somebody; the token of the mail.
async fn invite(app: &TestApp, email: &str) -> String {
    let alice = app.alice().await;
    app.core.clock.advance(chrono::Duration::seconds(1));
    alice.post("/v1/org/invitations", json!({"email": email, "role": "user"})).await.expect(201);
    app.token_for(email, "/invitations/accept").await
}

async fn join(app: &TestApp, token: &str) -> Answer {
    app.nobody().post(INVITED, json!({"token": token, "password": OTHER_PASSWORD, "full_name": "Nina New"})).await
}

testkit::stories! {
    async fn an_invited_newcomer_gets_an_account_and_no_organization_of_their_own(app: TestApp) {
        let token = invite(app, "Nina@x.test").await;
        let joined = join(app, &token).await;
        assert!(joined.status == 201 && !joined.text.contains("access_token") && joined.header("set-cookie").is_empty(), "{}", joined.text);
        let nina = login(app, "nina@x.test", OTHER_PASSWORD).await.ok();
        assert_eq!((&nina["organization"]["slug"], &nina["user"]["role"]), (&json!("acme"), &json!("user")));
        assert!(nina["user"]["email_verified_at"].is_string(), "the token proved the address: {nina}");
        let home = joined.body["data"]["organization"]["id"].as_str().unwrap();
        assert_eq!(nina["user"]["org_id"], home);
        join(app, &token).await.refused(409, "invitation_already_accepted");
        app.mails_to("nina@x.test").await;
    }

    async fn a_newcomer_joins_on_the_page_and_opening_it_spends_nothing(app: TestApp) {
        let token = invite(app, "nina@x.test").await;
        let page = format!("/invitations/accept?token={token}");
        for _ in 0..3 {
            let shown = app.nobody().get(&page).await;
            assert!(shown.text.contains("Join Acme") && shown.text.contains("Make my account and join"), "{}", shown.text);
        }
        let weak = press(app, &page, "/invitations/accept", &[("token", &token), ("full_name", "Nina"), ("password", "password1234")]).await;
        assert!(weak.status == 422 && weak.text.contains("widely used") && weak.text.contains("Nina"), "{}", weak.text);
        let done = press(app, &page, "/invitations/accept", &[("token", &token), ("full_name", "Nina"), ("password", OTHER_PASSWORD)]).await;
        assert_eq!((done.status, done.header("location")), (303, "/signin"), "{}", done.text);
        let gone = app.nobody().get(&page).await;
        assert!(gone.status == 409 && gone.text.contains("accepted already"), "{}", gone.text);
        login(app, "nina@x.test", OTHER_PASSWORD).await.ok();
    }

    async fn somebody_with_an_account_signs_in_and_accepts(app: TestApp) {
        let nina = newcomer(app, "nina@x.test").await;
        let token = invite(app, "nina@x.test").await;
        join(app, &token).await.refused(409, "account_email_taken");
        let page = format!("/invitations/accept?token={token}");
        let shown = app.nobody().get(&page).await;
        assert!(shown.text.contains("/signin?return_to=") && !shown.text.contains("Make my account"), "{}", shown.text);
        nina.post("/v1/invitations/accept", json!({"token": token})).await.ok();
    }

    async fn a_person_lands_where_they_were_invited_last(app: TestApp) {
        let nina = newcomer(app, "nina@x.test").await;
        let token = invite(app, "nina@x.test").await;
        let first = login(app, "nina@x.test", OTHER_PASSWORD).await.ok();
        assert_eq!(first["organization"]["slug"], "initech");
        nina.post("/v1/invitations/accept", json!({"token": token})).await.ok();
        app.settle().await;
        let then = login(app, "nina@x.test", OTHER_PASSWORD).await.ok();
        assert_eq!(then["organization"]["slug"], "acme");
        app.mails_to("nina@x.test").await;
    }

    async fn an_edited_invitation_opens_nothing(app: TestApp) {
        let token = invite(app, "nina@x.test").await;
        for edited in [format!("{token}x"), token[1..].to_owned(), token.to_uppercase(), String::new()] {
            join(app, &edited).await.refused(404, "invitation_not_found");
        }
        for (field, value) in [("email", json!("mallory@x.test")), ("role", json!("admin")), ("org_id", json!("org_01jd3v0000000000000000000a")), ("email_verified_at", json!("2026-01-01T00:00:00Z"))] {
            let mut body = json!({"token": token, "password": OTHER_PASSWORD, "full_name": "Nina"});
            body[field] = value;
            assert_eq!(app.nobody().post(INVITED, body).await.field(field), "is not a known field; remove it");
        }
        join(app, &token).await.expect(201);
        login(app, "mallory@x.test", OTHER_PASSWORD).await.refused(401, "credentials_wrong");
    }

    async fn an_invitation_to_one_address_is_not_accepted_by_another(app: TestApp) {
        let mallory = app.mallory().await;
        let token = invite(app, "nina@x.test").await;
        mallory.post("/v1/invitations/accept", json!({"token": token})).await.refused(403, "invitation_other_address");
        let browser = app.browser_of("mallory@globex.test").await;
        let csrf = browser.csrf().await;
        let fields = [("_csrf", csrf.as_str()), ("token", &token), ("full_name", "Nina"), ("password", OTHER_PASSWORD)];
        assert_eq!(browser.submit("/invitations/accept", &fields).await.status, 403);
        join(app, &token).await.expect(201);
        app.mails_to("mallory@globex.test").await;
    }

    async fn a_newcomer_is_refused_what_everybody_is_refused(app: TestApp) {
        let token = invite(app, "nina@x.test").await;
        for (field, wrong) in [("password", "password1234"), ("password", "Acme-tractor-violet-7"), ("full_name", " ")] {
            let mut body = json!({"token": token, "password": OTHER_PASSWORD, "full_name": "Nina"});
            body[field] = json!(wrong);
            let refused = app.nobody().post(INVITED, body).await;
            refused.refused(422, "validation_failed");
            assert!(!refused.field(field).is_empty(), "{}", refused.text);
        }
        app.core.clock.advance(chrono::Duration::hours(48));
        join(app, &token).await.refused(410, "invitation_expired");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_invited_get_accounts_by_invitation_only_and_nobody_where_it_is_closed() {
    with_settings(&[], async |app| {
        let (first, second) = (invite(app, "nina@x.test").await, invite(app, "nils@x.test").await);
        let open = |email: &str| json!({"email": email, "password": OTHER_PASSWORD, "full_name": "N", "org_name": "Initech"});
        let by_invitation = app.replica(modules(), &[("identity.registration", "invite_only")]).await;
        by_invitation.nobody().post("/v1/auth/register", open("nina@x.test")).await.refused(403, "registration_by_invitation");
        join(&by_invitation, &first).await.expect(201);
        let closed = app.replica(modules(), &[("identity.registration", "closed")]).await;
        closed.nobody().post("/v1/auth/register", open("nils@x.test")).await.refused(403, "registration_closed");
        join(&closed, &second).await.refused(403, "registration_closed");
        by_invitation.finish().await;
        closed.finish().await;
        let by_mail = app.replica(modules(), &[("identity.registration_mode", "mail_first")]).await;
        join(&by_mail, &second).await.expect(201);
        by_mail.finish().await;
    })
    .await;
}
