use testkit::{Client, Value, json};

use crate::modules;

/// The path of the member with this address, as `who` sees it.
async fn path_of(who: &Client, email: &str) -> String {
    let members = who.get("/v1/org/members").await.ok();
    let member = members.as_array().into_iter().flatten().find(|member| member["email"] == email).cloned().unwrap_or(Value::Null);
    format!("/v1/org/members/{}", member["id"].as_str().expect("a member with this address"))
}

/// Whether somebody has no way into acme any more: the session may live on, without rights.
async fn is_out(somebody: &Client) -> bool {
    matches!(somebody.get("/v1/org/members").await.code(), "not_authenticated" | "permission_denied")
}

testkit::stories! {
    async fn a_demotion_holds_from_the_next_request(app: TestApp) {
        let (alice, bob) = (app.alice().await, app.bob().await);
        let path = path_of(&alice, "bob@acme.test").await;
        alice.patch(&path, json!({"role": "admin"})).await.ok();
        bob.get("/v1/audit").await.ok();
        let changed = alice.patch(&path, json!({"role": "viewer"})).await.ok();
        assert_eq!(changed["role"], "viewer");
        bob.get("/v1/audit").await.refused(403, "permission_denied");
    }

    async fn whoever_is_shut_out_is_out_at_once_and_may_come_back(app: TestApp) {
        let (alice, bob) = (app.alice().await, app.bob().await);
        let path = path_of(&alice, "bob@acme.test").await;
        bob.get("/v1/org/members").await.ok();
        alice.patch(&path, json!({"is_active": false})).await.ok();
        assert!(is_out(&bob).await);
        alice.patch(&path, json!({"is_active": true})).await.ok();
        bob.get("/v1/org/members").await.ok();
    }

    async fn the_last_admin_can_neither_go_nor_step_down(app: TestApp) {
        let (alice, _bob) = (app.alice().await, app.bob().await);
        let path = path_of(&alice, "alice@acme.test").await;
        alice.patch(&path, json!({"role": "user"})).await.refused(409, "member_last_admin");
        alice.patch(&path, json!({"is_active": false})).await.refused(409, "member_last_admin");
        alice.delete(&path).await.refused(409, "member_last_admin");
        alice.patch(&path_of(&alice, "bob@acme.test").await, json!({"role": "admin"})).await.ok();
        alice.patch(&path, json!({"role": "user"})).await.ok();
    }

    async fn of_two_admins_who_demote_each_other_one_stays(app: TestApp) {
        let (alice, bob) = (app.alice().await, app.bob().await);
        let (alices, bobs) = (path_of(&alice, "alice@acme.test").await, path_of(&alice, "bob@acme.test").await);
        alice.patch(&bobs, json!({"role": "admin"})).await.ok();
        bob.get("/v1/audit").await.ok();
        let (one, other) = tokio::join!(alice.patch(&bobs, json!({"role": "user"})), bob.patch(&alices, json!({"role": "user"})));
        assert_eq!([one.status, other.status].iter().filter(|status| **status == 200).count(), 1, "{} {}", one.text, other.text);
    }

    async fn a_removed_member_is_gone_and_a_stranger_removes_nobody(app: TestApp) {
        let (alice, bob, mallory) = (app.alice().await, app.bob().await, app.mallory().await);
        let path = path_of(&alice, "bob@acme.test").await;
        mallory.delete(&path).await.refused(404, "member_not_found");
        bob.delete(&path).await.refused(403, "permission_denied");
        assert_eq!(alice.delete(&path).await.status, 204);
        assert!(is_out(&bob).await);
        alice.delete(&path).await.refused(404, "member_not_found");
    }

    async fn a_key_makes_nobody_more_than_its_scopes(app: TestApp) {
        let (alice, _bob, vera) = (app.alice().await, app.bob().await, app.vera().await);
        let made = alice.post("/v1/api-keys", json!({"name": "sync", "scopes": ["members:read", "members:write"]})).await.expect(201);
        let mut machine = app.nobody();
        machine.token = made["key"].as_str().map(str::to_owned);
        let path = path_of(&alice, "vera@acme.test").await;
        for more in [json!({"role": "admin"}), json!({"role": "admin", "is_active": false})] {
            machine.patch(&path, more).await.refused(403, "member_role_not_yours");
        }
        vera.get("/v1/audit").await.refused(403, "permission_denied");
        let less = path_of(&alice, "bob@acme.test").await;
        assert_eq!(machine.patch(&less, json!({"role": "viewer"})).await.ok()["role"], "viewer");
        machine.patch(&less, json!({"role": "user"})).await.refused(403, "member_role_not_yours");
    }

    async fn a_wrong_role_is_named(app: TestApp) {
        let alice = app.alice().await;
        let wrong = alice.patch(&path_of(&alice, "alice@acme.test").await, json!({"role": "owner"})).await;
        wrong.refused(422, "validation_failed");
        assert!(wrong.field("role").contains("viewer"), "{}", wrong.text);
    }
}
