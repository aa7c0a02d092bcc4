use testkit::json;

use crate::{ada, later, modules, path_of};

testkit::stories! {
    async fn everything_that_happened_is_told_newest_first(app: TestApp) {
        let alice = app.alice().await;
        let path = path_of(&ada(&alice).await);
        for (verb, body) in [("", json!({"email": "ada@new.example"})), ("/archive", json!({})), ("/restore", json!({}))] {
            later(app).await;
            match verb {
                "" => alice.patch(&path, body).await.expect(200),
                verb => alice.post_empty(&format!("{path}{verb}")).await.expect(200),
            };
        }
        let told = alice.get(&format!("{path}/timeline")).await.ok();
        let kinds: Vec<_> = told.as_array().expect("a list").iter().map(|entry| entry["kind"].as_str().expect("a kind")).collect();
        assert_eq!(kinds, ["customer.restored", "customer.archived", "customer.changed", "customer.created"]);
        assert_eq!(told[2]["text"], "Changed email: Ada@Example.com → ada@new.example");
    }

    async fn a_change_that_changes_nothing_is_not_told(app: TestApp) {
        let alice = app.alice().await;
        let path = path_of(&ada(&alice).await);
        assert_eq!(alice.patch(&path, json!({"name": "Ada Lovelace"})).await.expect(200)["version"], 1);
        assert_eq!(alice.get(&format!("{path}/timeline")).await.ok().as_array().map(Vec::len), Some(1));
    }

    async fn the_audit_trail_says_who_changed_what(app: TestApp) {
        let alice = app.alice().await;
        let path = path_of(&ada(&alice).await);
        alice.patch(&path, json!({"phone": null})).await.expect(200);
        let trail = alice.get("/v1/audit").await.ok();
        let line = trail.as_array().expect("a list").iter().find(|line| line["action"] == "customer.changed").expect("the change");
        assert_eq!((&line["before"], &line["after"]), (&json!({"phone": "+27821234567"}), &json!({"phone": null})));
    }
}
