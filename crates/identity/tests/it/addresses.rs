//! One address is one person: how it may be written, and how not.

use super::*;

async fn register(app: &TestApp, email: &str, name: &str) -> Answer {
    let body = json!({"email": email, "password": OTHER_PASSWORD, "full_name": name, "org_name": "Initech"});
    app.nobody().post("/v1/auth/register", body).await
}

testkit::stories! {
    async fn no_list_no_header_and_no_look_alike_passes_for_an_address(app: TestApp) {
        newcomer(app, "nina@x.test").await;
        let hostile = [
            "nina@x.test,mallory@y.test", "nina@x.test;mallory@y.test", "nina@x.test mallory@y.test", "nina@x.test\0", "nina@x.test\0@y.test",
            "nina@x.test\r\nBcc: mallory@y.test", "nina@x.test\n", "nіna@x.test", "nina@х.test", "nina\u{200b}@x.test",
            "nina\u{202e}@x.test", "<nina@x.test>", "Nina <nina@x.test>", "nina@x.test@y.test", "nina@y.test(nina@x.test)",
        ];
        for email in hostile {
            for (path, body) in [
                ("/v1/auth/register", json!({"email": email, "password": OTHER_PASSWORD, "full_name": "N", "org_name": "Initech"})),
                ("/v1/auth/login", json!({"email": email, "password": OTHER_PASSWORD})),
                ("/v1/auth/password/forgot", json!({"email": email})),
                ("/v1/auth/verify-email/resend", json!({"email": email})),
            ] {
                // Blanks around an address are the one thing that is taken off.
                let trimmed = email.trim() == "nina@x.test";
                let answer = app.nobody().post(path, body).await;
                assert!(trimmed || matches!(answer.status, 400 | 422), "{path} {email:?}: {} {}", answer.status, answer.text);
            }
        }
        assert_eq!(identity::accounts::list(&app.core).await.unwrap().len(), 1);
        app.expect_mail();
    }

    async fn another_case_is_the_same_person_and_a_plus_is_another(app: TestApp) {
        newcomer(app, "nina@x.test").await;
        for same in ["NINA@x.test", "nina@X.TEST", " nina@x.test ", "ｎｉｎａ@x.test"] {
            register(app, same, "N").await.refused(409, "account_email_taken");
            login(app, same, OTHER_PASSWORD).await.ok();
        }
        register(app, "nina+shop@x.test", "N").await.expect(201);
        let both = identity::accounts::list(&app.core).await.unwrap();
        assert_eq!(both.len(), 2);
        app.expect_mail();
    }

    async fn a_name_holds_nothing_that_nobody_sees(app: TestApp) {
        let nina = newcomer(app, "nina@x.test").await;
        for invisible in ["\u{2028}", "\u{202e}", "\u{2066}", "\u{200b}", "\u{feff}"] {
            let name = format!("Nina{invisible}New");
            assert_eq!(register(app, "nils@x.test", &name).await.field("full_name"), "must not contain invisible characters");
            assert!(!nina.patch("/v1/auth/me", json!({"full_name": name})).await.field("full_name").is_empty());
            assert!(!nina.patch("/v1/auth/org", json!({"name": name})).await.field("name").is_empty());
        }
    }
}
