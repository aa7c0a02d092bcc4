//! Registering and showing that the address is one's own.

use super::*;

testkit::stories! {
    async fn registering_gives_tokens_and_the_role_of_admin(app: TestApp) {
        let nina = newcomer(app, "Nina@Initech.test").await;
        assert_eq!(nina.profile["token_type"], "bearer");
        assert_eq!(nina.profile["expires_in"], 900);
        assert_eq!(nina.profile["user"]["role"], "admin");
        assert_eq!(nina.profile["user"]["email_verified_at"], json!(null));
        assert_eq!(nina.profile["user"]["org_id"], nina.profile["organization"]["id"]);
        assert_eq!(nina.profile["organization"]["slug"], "initech");
        let me = nina.get("/v1/auth/me").await.ok();
        assert_eq!((&me["email"], &me["id"]), (&json!("Nina@Initech.test"), &nina.profile["user"]["id"]));
        assert!(me["permissions"].as_array().is_some_and(|all| all.contains(&json!("members:write"))));
    }

    async fn a_taken_address_or_slug_is_told_and_leaves_nothing_behind(app: TestApp) {
        newcomer(app, "nina@initech.test").await;
        let again = |email: &str, slug: &str| json!({"email": email, "password": OTHER_PASSWORD, "full_name": "N", "org_name": "Other", "org_slug": slug});
        let nobody = app.nobody();
        nobody.post("/v1/auth/register", again("NINA@initech.test", "other")).await.refused(409, "account_email_taken");
        nobody.post("/v1/auth/register", again("nils@initech.test", "initech")).await.refused(409, "organization_slug_taken");
        login(app, "nils@initech.test", OTHER_PASSWORD).await.refused(401, "credentials_wrong");
        nobody.post("/v1/auth/register", again("nils@initech.test", "other")).await.expect(201);
        app.mails_to("nils@initech.test").await;
    }

    async fn nobody_chooses_their_own_rights(app: TestApp) {
        for (field, value) in [("role", json!("admin")), ("org_id", json!("org_01jd3v0000000000000000000a")), ("is_active", json!(true)), ("email_verified_at", json!("2026-01-01T00:00:00Z"))] {
            let mut body = json!({"email": "nina@initech.test", "password": OTHER_PASSWORD, "full_name": "N", "org_name": "Initech", "org_slug": "initech"});
            body[field] = value;
            let answer = app.nobody().post("/v1/auth/register", body).await;
            answer.refused(422, "validation_failed");
            assert_eq!(answer.field(field), "is not a known field; remove it");
        }
    }

    async fn each_wrong_field_is_named(app: TestApp) {
        let body = json!({"email": "nina@initech.test", "password": "password1234", "full_name": "Nina", "org_name": "Initech", "org_slug": "initech"});
        let answer = app.nobody().post("/v1/auth/register", body).await;
        answer.refused(422, "validation_failed");
        assert!(answer.field("password").contains("widely used"), "{}", answer.text);
        let body = json!({"email": "nina@initech.test", "password": OTHER_PASSWORD, "full_name": " ", "org_name": "Initech", "org_slug": "initech"});
        assert!(!app.nobody().post("/v1/auth/register", body).await.field("full_name").is_empty());
        let body = json!({"email": "nina@initech.test", "password": OTHER_PASSWORD, "full_name": "Nina", "org_name": "Initech", "org_slug": "No Slug"});
        assert!(!app.nobody().post("/v1/auth/register", body).await.field("org_slug").is_empty());
    }

    async fn the_link_in_the_mail_verifies_once(app: TestApp) {
        let nina = newcomer(app, "nina@initech.test").await;
        let token = app.token_to("nina@initech.test").await;
        let verify = || app.nobody();
        verify().post("/v1/auth/verify-email", json!({"token": token})).await.ok();
        assert!(nina.get("/v1/auth/me").await.ok()["email_verified_at"].is_string());
        verify().post("/v1/auth/verify-email", json!({"token": token})).await.refused(422, "proof_token_refused");
        verify().post("/v1/auth/verify-email", json!({"token": "made-up"})).await.refused(422, "proof_token_refused");
    }

    async fn a_verification_link_ends_after_a_day(app: TestApp) {
        newcomer(app, "nina@initech.test").await;
        let token = app.token_to("nina@initech.test").await;
        app.advance(chrono::Duration::hours(24)).await;
        app.nobody().post("/v1/auth/verify-email", json!({"token": token})).await.refused(422, "proof_token_refused");
    }

    async fn a_new_mail_is_answered_alike_for_every_address_and_ends_the_old_link(app: TestApp) {
        newcomer(app, "nina@initech.test").await;
        let old = app.token_to("nina@initech.test").await;
        let ask = |email: &'static str| { let nobody = app.nobody(); async move { nobody.post("/v1/auth/verify-email/resend", json!({"email": email})).await } };
        let (known, unknown) = (ask("nina@initech.test").await, ask("nobody@initech.test").await);
        assert_eq!((known.status, &known.body["data"]), (unknown.status, &unknown.body["data"]));
        assert_eq!(app.mails_to("nobody@initech.test").await.len(), 0);
        assert_eq!(app.mails_to("nina@initech.test").await.len(), 2);
        app.nobody().post("/v1/auth/verify-email", json!({"token": old})).await.refused(422, "proof_token_refused");
        let new = app.token_to("nina@initech.test").await;
        app.nobody().post("/v1/auth/verify-email", json!({"token": new})).await.ok();
    }

    async fn links_begin_with_our_address_whatever_the_headers_say_the_host_is(app: TestApp) {
        let alice = app.alice().await;
        let register = json!({"email": "nina@initech.test", "password": OTHER_PASSWORD, "full_name": "Nina", "org_name": "Initech"});
        for (header, value) in [("host", "evil.example"), ("x-forwarded-host", "evil.example"), ("forwarded", "host=evil.example"), ("x-original-host", "evil.example"), ("origin", "https://evil.example")] {
            let evil = app.nobody().with_header(header, value);
            evil.post("/v1/auth/register", register.clone()).await;
            evil.post("/v1/auth/password/forgot", json!({"email": "nina@initech.test"})).await;
            evil.post("/v1/auth/verify-email/resend", json!({"email": "nina@initech.test"})).await;
            let invite = json!({"email": format!("{}@guest.test", header), "role": "user"});
            alice.clone().with_header(header, value).post("/v1/org/invitations", invite).await;
        }
        app.settle().await;
        let mails = app.nobody().get("/dev/mail/messages").await.ok();
        assert!(mails.as_array().is_some_and(|all| all.len() > 12), "{mails}");
        assert!(!mails.to_string().contains("evil.example"), "{mails}");
        let links = mails.as_array().unwrap().iter().flat_map(|mail| mail["links"].as_array().unwrap());
        assert!(links.into_iter().all(|link| link.as_str().unwrap().starts_with(&app.base)));
        app.expect_mail();
    }
}
