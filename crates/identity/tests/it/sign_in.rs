//! Signing in tells nobody who has an account.

use super::*;
use identity::{accounts, passwords};

const WRONG: &str = "wrong password indeed";

testkit::stories! {
    async fn an_unknown_address_a_wrong_password_and_a_frozen_account_are_refused_alike_for_the_same_work(app: TestApp) {
        newcomer(app, "nina@initech.test").await;
        let body = json!({"email": "frozen@x.test", "password": OTHER_PASSWORD, "full_name": "F", "org_name": "Hooli"});
        app.nobody().post("/v1/auth/register", body).await.expect(201);
        accounts::freeze(&app.core, &"frozen@x.test".parse().unwrap(), true).await.unwrap();
        let mut seen = Vec::new();
        for (email, password) in [("nobody@x.test", WRONG), ("nina@initech.test", WRONG), ("frozen@x.test", OTHER_PASSWORD), ("frozen@x.test", WRONG)] {
            let before = passwords::hashes_computed(&app.core);
            let answer = login(app, email, password).await;
            let hashes = passwords::hashes_computed(&app.core) - before;
            let names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
            seen.push((answer.status, answer.body["error"].clone(), answer.text.len(), names, hashes));
        }
        assert_eq!((seen[0].0, seen[0].4), (401, 1), "one hash for an address that nobody has");
        assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
        app.expect_mail();
    }

    async fn nobody_has_an_account_on_a_fresh_database(app: TestApp) {
        assert!(accounts::list(&app.core).await.unwrap().is_empty());
        for (email, password) in [("admin@localhost", "admin"), ("admin@example.com", "password"), ("root@localhost", "root")] {
            login(app, email, password).await.refused(401, "credentials_wrong");
        }
    }

    async fn mails_are_asked_for_alike_for_every_address(app: TestApp) {
        newcomer(app, "nina@initech.test").await;
        for path in ["/v1/auth/password/forgot", "/v1/auth/verify-email/resend"] {
            let mut seen = Vec::new();
            for email in ["nina@initech.test", "nobody@initech.test"] {
                let answer = app.nobody().post(path, json!({"email": email})).await;
                let names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
                seen.push((answer.status, answer.body["data"].clone(), answer.text.len(), names));
            }
            assert_eq!(seen[0], seen[1], "{path}");
        }
        assert!(app.mails_to("nobody@initech.test").await.is_empty());
        app.expect_mail();
    }
}
