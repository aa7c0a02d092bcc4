use testkit::{TestApp, json, stripe_signature};

use crate::{SECRET, deliver_signed, fixture, modules, sandbox_of, stripe};

testkit::stories! {
    async fn a_connection_shows_its_address_and_never_its_secrets(app: TestApp) {
        let alice = app.alice().await;
        let made = alice.post("/v1/payment-connections", json!({"provider": "stripe", "api_key": "sk_test_abc", "webhook_secret": SECRET})).await;
        let text = made.text.clone();
        let made = made.expect(201);
        assert_eq!((made["mode"].as_str(), made["has_api_key"].as_bool()), (Some("test"), Some(true)), "the key says the mode");
        let address = format!("{}/v1/webhooks/stripe/{}", app.core.public_url, made["id"].as_str().expect("an id"));
        assert_eq!(made["webhook_url"], address);
        assert!(!text.contains("sk_test_abc") && !text.contains(SECRET), "{text}");
        let rows = app.all_rows().await;
        assert!(rows.iter().all(|row| !row.text.contains("sk_test_abc") && !row.text.contains(SECRET)), "sealed at rest");
    }

    async fn what_is_wrong_with_a_connection_is_said(app: TestApp) {
        let alice = app.alice().await;
        let post = async |body| alice.post("/v1/payment-connections", body).await;
        for secret in ["", " ", "whsec_fifteen__"] {
            let refused = post(json!({"provider": "stripe", "webhook_secret": secret})).await;
            refused.refused(422, "validation_failed");
            assert!(!refused.field("webhook_secret").is_empty(), "{secret:?}: {}", refused.text);
        }
        post(json!({"provider": "stripe"})).await.refused(422, "validation_failed");
        post(json!({"provider": "razorpay", "webhook_secret": "x"})).await.refused(503, "provider_not_configured");
        post(json!({"provider": "acme", "webhook_secret": "x"})).await.refused(422, "provider_unknown");
        post(json!({"provider": "stripe", "webhook_secret": SECRET, "api_key": "sk_test_1", "mode": "live"})).await.refused(422, "validation_failed");
        post(json!({"provider": "stripe", "webhook_secret": SECRET, "base_url": "ftp://x"})).await.refused(422, "validation_failed");
    }

    async fn only_an_admin_connects_and_strangers_see_nothing(app: TestApp) {
        let alice = app.alice().await;
        let path = format!("/v1/payment-connections/{}", stripe(&alice).await);
        let reader = app.clerk(&["payments:read"]).await;
        reader.post("/v1/payment-connections", json!({"provider": "sandbox"})).await.refused(403, "permission_denied");
        reader.get(&path).await.expect(200);
        for verb in ["GET", "PATCH", "DELETE"] {
            let mallory = app.mallory().await;
            let request = mallory.request(verb.parse().expect("a method"), &path).json(&json!({}));
            mallory.send(request).await.refused(404, "connection_not_found");
        }
        app.nobody().get(&path).await.refused(401, "not_authenticated");
    }

    async fn while_a_secret_rolls_both_hold_and_after_a_day_only_the_new_one(app: TestApp) {
        let alice = app.alice().await;
        let id = stripe(&alice).await;
        alice.patch(&format!("/v1/payment-connections/{id}"), json!({"webhook_secret": "whsec_new_of_stories"})).await.expect(200);
        let send = async |secret: &str, event: &str| {
            let mut body = fixture!("payment_intent.succeeded.new");
            body["id"] = json!(event);
            let body = body.to_string();
            let signature = stripe_signature(secret, app.now(), &body);
            deliver_signed(app, &format!("/v1/webhooks/stripe/{id}"), &signature, body).await.status
        };
        assert_eq!((send(SECRET, "evt_1").await, send("whsec_new_of_stories", "evt_2").await), (200, 200));
        app.advance(chrono::Duration::hours(25)).await;
        assert_eq!((send(SECRET, "evt_3").await, send("whsec_new_of_stories", "evt_4").await), (400, 200));
    }

    async fn a_removed_connection_is_gone_with_its_secrets(app: TestApp) {
        let alice = app.alice().await;
        let id = sandbox_of(&alice).await;
        let path = format!("/v1/payment-connections/{id}");
        let request = alice.request("DELETE".parse().expect("a method"), &path);
        assert_eq!(alice.send(request).await.status, 204);
        alice.get(&path).await.refused(404, "connection_not_found");
        assert_eq!(alice.get("/v1/payment-connections").await.expect(200), json!([]));
        assert_eq!(deliver_signed(app, &format!("/v1/webhooks/sandbox/{id}"), "t=1,v1=00", "{}".into()).await.status, 404);
    }

    async fn a_newcomer_connects_the_sandbox_and_makes_a_charge_fail_with_two_buttons(app: TestApp) {
        app.alice().await;
        let browser = app.browser_of("alice@acme.test").await;
        let csrf = browser.csrf().await;
        let made = browser.submit("/connections/sandbox", &[("_csrf", &csrf)]).await;
        assert_eq!(made.status, 303, "{}", made.text);
        let page = made.header("location").to_owned();
        let fields = [("_csrf", csrf.as_str()), ("email", "paula@example.com"), ("amount", "4900"), ("outcome", "insufficient_funds")];
        assert_eq!(browser.submit(&format!("{page}/charge"), &fields).await.status, 303);
        app.settle().await;
        let shown = browser.open(&page).await;
        assert_eq!(shown.status, 200, "{}", shown.text);
        for part in ["payment_intent.payment_failed", "applied", "Make the charge"] {
            assert!(shown.text.contains(part), "{part} is missing in {}", shown.text);
        }
        for path in ["/connections", "/connections/new"] {
            assert_eq!(browser.open(path).await.status, 200, "{path}");
        }
    }

    async fn only_a_verified_person_touches_what_reaches_outside(app: TestApp) {
        let register = json!({"email": "dan@x.test", "password": "correct-Horse-battery-7-staple", "full_name": "Dan", "org_name": "Dans"});
        let dan = app.holding(&app.nobody().post("/v1/auth/register", register).await.expect(201));
        let path = "/v1/payment-connections/con_00000000000000000000000000";
        dan.post("/v1/payment-connections", json!({"provider": "sandbox"})).await.refused(403, "account_not_verified");
        dan.patch(path, json!({"webhook_secret": "whsec_mine"})).await.refused(403, "account_not_verified");
        dan.delete(path).await.refused(403, "account_not_verified");
        app.mails_to("dan@x.test").await;
    }
}

const OLD: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";
const NEW: &str = "8899aabbccddeeff00112233445566778899aabbccddeeff0011223344556677";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn saved_again_both_secrets_of_a_connection_open_without_the_old_master_key() {
    for engine in testkit::engines() {
        let settings = vec![("security.master_key".to_owned(), OLD.to_owned())];
        let app = TestApp::start_with(engine, modules(), testkit::Options { settings, ..Default::default() }).await;
        let alice = app.alice().await;
        let path = format!("/v1/payment-connections/{}", stripe(&alice).await);
        let exchanged = [
            ("security.master_key", NEW),
            ("security.previous_master_key", OLD),
            ("security.previous_master_key_until", "2099-01-01T00:00:00Z"),
        ];
        let replica = app.replica(modules(), &exchanged).await;
        replica.holding(&alice.profile).patch(&path, json!({"webhook_secret": "whsec_new_of_stories"})).await.expect(200);
        replica.finish().await;
        let replica = app.replica(modules(), &[("security.master_key", NEW)]).await;
        let hook = path.replace("payment-connections", "webhooks/stripe");
        for secret in [SECRET, "whsec_new_of_stories"] {
            let body = fixture!("payment_intent.succeeded.new").to_string();
            let signature = stripe_signature(secret, app.now(), &body);
            assert_eq!(deliver_signed(&replica, &hook, &signature, body).await.status, 200, "{secret}");
        }
        replica.finish().await;
        app.mails_to("alice@acme.test").await;
        app.finish().await;
    }
}
