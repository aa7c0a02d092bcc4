//! Being told about sign-ins from elsewhere.

use super::*;

async fn login_from(app: &TestApp, agent: &str) -> Answer {
    let client = app.nobody().with_header("user-agent", agent);
    client.post("/v1/auth/login", json!({"email": "nina@initech.test", "password": OTHER_PASSWORD})).await
}

testkit::stories! {
    async fn the_owner_is_told_once_about_a_new_device(app: TestApp) {
        newcomer(app, "nina@initech.test").await;
        let before = app.mails_to("nina@initech.test").await.len();
        login_from(app, "Borrowed/1.0").await.ok();
        let mail = app.mail_to("nina@initech.test").await;
        assert!(mail["subject"].as_str().unwrap().contains("new device") && mail["text"].as_str().unwrap().contains("Borrowed/1.0"), "{mail}");
        login_from(app, "Borrowed/1.0").await.ok();
        assert_eq!(app.mails_to("nina@initech.test").await.len(), before + 1);
    }
}
