use chrono::Duration;
use testkit::json;

use crate::modules;

/// Mails of one instant have no order: an invitation that a test reads comes a second later.
const A_MOMENT: Duration = Duration::seconds(1);
const PATH: &str = "/v1/org/invitations";
const ACCEPT: &str = "/v1/invitations/accept";

testkit::stories! {
    async fn the_invited_person_joins_once(app: TestApp) {
        let (alice, carol) = (app.alice().await, app.sign_up("carol@x.test", "Carol", "Carols").await);
        app.advance(A_MOMENT).await;
        let made = alice.post(PATH, json!({"email": "Carol@X.test", "role": "user"})).await.expect(201);
        assert_eq!((made["state"].as_str(), made.get("token")), (Some("pending"), None));
        let token = json!({"token": app.token_to("carol@x.test").await});
        let joined = carol.post(ACCEPT, token.clone()).await.ok();
        assert_eq!((joined["organization"]["slug"].as_str(), joined["role"].as_str()), (Some("acme"), Some("user")));
        carol.post(ACCEPT, token).await.refused(409, "invitation_already_accepted");
        assert_eq!(alice.get(PATH).await.ok()[0]["state"], "accepted");
    }

    async fn of_two_who_accept_at_once_one_does(app: TestApp) {
        let (alice, carol) = (app.alice().await, app.sign_up("carol@x.test", "Carol", "Carols").await);
        app.advance(A_MOMENT).await;
        alice.post(PATH, json!({"email": "carol@x.test", "role": "user"})).await.expect(201);
        let token = json!({"token": app.token_to("carol@x.test").await});
        let (one, other) = tokio::join!(carol.post(ACCEPT, token.clone()), carol.post(ACCEPT, token));
        let mut answers = [one.status, other.status];
        answers.sort_unstable();
        assert_eq!(answers, [200, 409]);
        let members = alice.get("/v1/org/members").await.ok();
        assert_eq!(members.as_array().map(Vec::len), Some(2));
    }

    async fn names_that_are_links_stand_in_no_invitation(app: TestApp) {
        let alice = app.alice().await;
        alice.patch("/v1/auth/org", json!({"name": "Win at evil.example/now"})).await.ok();
        alice.patch("/v1/auth/me", json!({"full_name": "PayPal evil.example"})).await.ok();
        // What a request remembers of the organization is renewed.
        app.core.clock.advance(Duration::minutes(1));
        let refused = alice.patch("/v1/auth/me", json!({"full_name": "PayPal https://evil.example"})).await;
        refused.refused(422, "validation_failed");
        assert!(refused.field("full_name").contains("web address"), "{}", refused.text);
        alice.post(PATH, json!({"email": "carol@x.test", "role": "user"})).await.expect(201);
        let mail = app.mail_to("carol@x.test").await;
        assert_eq!(mail["subject"], "Somebody invites you to their organization");
        assert!(!mail.to_string().contains("evil") && mail["text"].as_str().is_some_and(|text| text.contains("role “user”")), "{mail}");
    }

    async fn one_organization_floods_nobody(app: TestApp) {
        let alice = app.alice().await;
        let invite = async || alice.post(PATH, json!({"email": "carol@x.test", "role": "user"})).await;
        for _ in 0..5 {
            let made = invite().await.expect(201);
            alice.delete(&format!("{PATH}/{}", made["id"].as_str().unwrap())).await.ok();
        }
        let refused = invite().await;
        refused.refused(429, "rate_limited");
        assert_eq!(refused.header("retry-after"), "86400");
        alice.post(PATH, json!({"email": "dave@x.test", "role": "user"})).await.expect(201);
        assert_eq!(app.mails_to("carol@x.test").await.len(), 5);
        app.expect_mail();
    }

    async fn many_organizations_flood_nobody(app: TestApp) {
        let mut statuses = vec![];
        for founder in 0..5 {
            let admin = app.sign_up(&format!("admin{founder}@x.test"), "Admin", &format!("Org {founder}")).await;
            for _ in 0..5 {
                let made = admin.post(PATH, json!({"email": "carol@x.test", "role": "user"})).await;
                statuses.push(made.status);
                admin.delete(&format!("{PATH}/{}", made.body["data"]["id"].as_str().unwrap_or("none"))).await;
            }
        }
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 20);
        app.expect_mail();
    }

    async fn nobody_else_can_use_the_link(app: TestApp) {
        let (alice, mallory) = (app.alice().await, app.mallory().await);
        alice.post(PATH, json!({"email": "carol@x.test", "role": "admin"})).await.expect(201);
        let token = app.token_to("carol@x.test").await;
        mallory.post(ACCEPT, json!({"token": token})).await.refused(403, "invitation_other_address");
        mallory.post(ACCEPT, json!({"token": format!("{token}x")})).await.refused(404, "invitation_not_found");
        app.nobody().post(ACCEPT, json!({"token": token})).await.refused(401, "not_authenticated");
        mallory.post(ACCEPT, json!({"token": token, "role": "admin"})).await.refused(422, "validation_failed");
    }

    async fn a_link_ends_after_two_days_and_can_be_sent_anew(app: TestApp) {
        let (alice, carol) = (app.alice().await, app.sign_up("carol@x.test", "Carol", "Carols").await);
        app.advance(A_MOMENT).await;
        let new = json!({"email": "carol@x.test", "role": "viewer"});
        alice.post(PATH, new.clone()).await.expect(201);
        alice.post(PATH, new.clone()).await.refused(409, "invitation_already_pending");
        let late = json!({"token": app.token_to("carol@x.test").await});
        app.advance(Duration::hours(48)).await;
        let (alice, carol) = (app.sign_in("alice@acme.test").await.unwrap_or(alice), app.sign_in("carol@x.test").await.unwrap_or(carol));
        carol.post(ACCEPT, late).await.refused(410, "invitation_expired");
        app.advance(A_MOMENT).await;
        alice.post(PATH, new).await.expect(201);
        carol.post(ACCEPT, json!({"token": app.token_to("carol@x.test").await})).await.ok();
    }

    async fn a_revoked_link_opens_nothing(app: TestApp) {
        let (alice, carol, mallory) = (app.alice().await, app.sign_up("carol@x.test", "Carol", "Carols").await, app.mallory().await);
        app.advance(A_MOMENT).await;
        let made = alice.post(PATH, json!({"email": "carol@x.test", "role": "user"})).await.expect(201);
        let path = format!("{PATH}/{}", made["id"].as_str().unwrap());
        mallory.delete(&path).await.refused(404, "invitation_not_found");
        assert_eq!(alice.delete(&path).await.status, 204);
        assert_eq!(alice.delete(&path).await.status, 204, "a second time changes nothing");
        carol.post(ACCEPT, json!({"token": app.token_to("carol@x.test").await})).await.refused(404, "invitation_not_found");
    }

    async fn nobody_uses_up_an_address_for_others_by_asking_in_vain(app: TestApp) {
        let (alice, mallory) = (app.alice().await, app.mallory().await);
        for _ in 0..25 {
            mallory.post(PATH, json!({"email": "carol@x.test", "role": "user"})).await;
        }
        alice.post(PATH, json!({"email": "carol@x.test", "role": "user"})).await.expect(201);
        assert_eq!(app.mails_to("carol@x.test").await.len(), 2);
    }

    async fn whoever_may_invite_no_more_leaves_no_door_open(app: TestApp) {
        let (alice, bob, carol) = (app.alice().await, app.bob().await, app.sign_up("carol@x.test", "Carol", "Carols").await);
        let members = alice.get("/v1/org/members").await.ok();
        let bobs = members.as_array().unwrap().iter().find(|member| member["email"] == "bob@acme.test").unwrap();
        let bobs = format!("/v1/org/members/{}", bobs["id"].as_str().unwrap());
        for after in [json!({"role": "user"}), json!({"is_active": false}), json!(null)] {
            alice.patch(&bobs, json!({"role": "admin", "is_active": true})).await.ok();
            app.advance(A_MOMENT).await;
            bob.post(PATH, json!({"email": "carol@x.test", "role": "admin"})).await.expect(201);
            let token = json!({"token": app.token_to("carol@x.test").await});
            let answer = if after.is_null() { alice.delete(&bobs).await } else { alice.patch(&bobs, after).await };
            assert!(answer.status < 300, "{}", answer.text);
            carol.post(ACCEPT, token).await.refused(404, "invitation_not_found");
            assert_eq!(alice.get(PATH).await.ok()[0]["state"], "revoked");
        }
    }

    /// However it came that a door was left open behind somebody: it counts who may let in when it is used.
    async fn an_invitation_opens_only_while_its_sender_may_invite(app: TestApp) {
        let (alice, _bob, carol) = (app.alice().await, app.bob().await, app.sign_up("carol@x.test", "Carol", "Carols").await);
        app.advance(A_MOMENT).await;
        alice.post(PATH, json!({"email": "carol@x.test", "role": "admin"})).await.expect(201);
        let token = app.token_to("carol@x.test").await;
        let change = async |change: &str| {
            let sql = format!("update memberships set {change}, version = version + 1 where email_normal = 'alice@acme.test'");
            assert_eq!(store::testing::owner_sql(&app.core.store, sql).await.unwrap(), 1);
        };
        for (before, after) in [("role = 'user'", "role = 'admin'"), ("is_active = false", "is_active = true")] {
            change(before).await;
            carol.post(ACCEPT, json!({"token": token})).await.refused(404, "invitation_not_found");
            assert_eq!(app.nobody().get(&format!("/invitations/accept?token={token}")).await.status, 404);
            change(after).await;
        }
        carol.post(ACCEPT, json!({"token": token})).await.ok();
    }

    async fn only_a_verified_admin_invites(app: TestApp) {
        let bob = app.bob().await;
        let new = json!({"email": "carol@x.test", "role": "user"});
        bob.post(PATH, new.clone()).await.refused(403, "permission_denied");
        let register = json!({"email": "dan@x.test", "password": "correct-Horse-battery-7-staple", "full_name": "Dan", "org_name": "Dans"});
        let dan = app.holding(&app.nobody().post("/v1/auth/register", register).await.expect(201));
        dan.post(PATH, new).await.refused(403, "account_not_verified");
        dan.post("/v1/api-keys", json!({"name": "x", "scopes": ["members:read"]})).await.refused(403, "account_not_verified");
        app.mails_to("dan@x.test").await;
    }

    async fn a_member_is_not_invited_again(app: TestApp) {
        let (alice, _bob) = (app.alice().await, app.bob().await);
        alice.post(PATH, json!({"email": "BOB@acme.test", "role": "user"})).await.refused(409, "invitation_already_member");
        alice.post(PATH, json!({"email": "bob", "role": "user"})).await.refused(422, "validation_failed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invitations_are_limited_for_a_person_and_for_an_organization() {
    let limits = [("invite.per_account", "2"), ("invite.per_organization", "3"), ("accept.per_account", "2")];
    let settings = limits.map(|(row, limit)| (format!("limits.{row}.limit"), limit.into())).into();
    let app =
        testkit::TestApp::start_with(testkit::TestEngine::Sqlite, modules(), testkit::Options { settings, ..Default::default() }).await;
    let (alice, mallory) = (app.alice().await, app.mallory().await);
    let invite = async |email: &str| alice.post(PATH, json!({"email": email, "role": "user"})).await;
    invite("carol@x.test").await.expect(201);
    // One that is refused counts, too.
    invite("carol@x.test").await.refused(409, "invitation_already_pending");
    let refused = invite("dan@x.test").await;
    refused.refused(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), "3600");
    mallory.post(PATH, json!({"email": "dan@x.test", "role": "user"})).await.expect(201);
    for _ in 0..2 {
        mallory.post(ACCEPT, json!({"token": "made-up"})).await.refused(404, "invitation_not_found");
    }
    mallory.post(ACCEPT, json!({"token": "made-up"})).await.refused(429, "rate_limited");
    app.advance(Duration::hours(1)).await;
    let alice = app.sign_in("alice@acme.test").await.unwrap();
    alice.post(PATH, json!({"email": "dan@x.test", "role": "user"})).await.expect(201);
    app.expect_mail();
    app.finish().await;
}
