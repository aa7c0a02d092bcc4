//! What stands between a stranger and our books: the signature of a webhook.

use chrono::Duration;
use testkit::{TestApp, json, stripe_signature};

use crate::webhooks::rows;
use crate::{SECRET, deliver_signed, fixture, modules, stripe};

/// The secret of another connection of the same organization.
const OTHER: &str = "whsec_of_another_place";

fn body() -> String {
    fixture!("payment_intent.payment_failed.new").to_string()
}

fn v1(signature: &str) -> &str {
    signature.split_once("v1=").expect("a signature").1
}

async fn send(app: &TestApp, connection: &str, signature: &str, body: &str) -> u16 {
    deliver_signed(app, &format!("/v1/webhooks/stripe/{connection}"), signature, body.to_owned()).await.status
}

testkit::stories! {
    async fn what_is_not_signed_right_leaves_no_row(app: TestApp) {
        let alice = app.alice().await;
        let id = stripe(&alice).await;
        alice.post("/v1/payment-connections", json!({"provider": "stripe", "webhook_secret": OTHER})).await.expect(201);
        let (body, now) = (body(), app.now());
        let good = stripe_signature(SECRET, now, &body);
        let wrong = [
            stripe_signature(SECRET, now - Duration::seconds(301), &body),
            stripe_signature(SECRET, now + Duration::seconds(301), &body),
            good.replace("v1=", "v0="),
            stripe_signature("", now, &body),
            stripe_signature(" ", now, &body),
            stripe_signature(OTHER, now, &body),
            format!("t={},v1={},v1={}", now.timestamp(), "00".repeat(32), v1(&stripe_signature(OTHER, now, &body))),
            format!("t={},{good}", now.timestamp() + 1),
            format!("v1={}", v1(&good)),
            stripe_signature(SECRET, now, &format!("{body} ")),
            String::new(),
            "garbage".into(),
        ];
        for signature in wrong {
            assert_eq!(send(app, &id, &signature, &body).await, 400, "{signature}");
        }
        assert_eq!(rows(app).await, 0);
    }

    async fn a_body_that_was_changed_or_not_signed_at_all_leaves_no_row(app: TestApp) {
        let id = stripe(&app.alice().await).await;
        let (body, now) = (body(), app.now());
        let good = stripe_signature(SECRET, now, &body);
        assert_eq!(send(app, &id, &good, &body.replace("4900", "1")).await, 400);
        let (nobody, path) = (app.nobody(), format!("/v1/webhooks/stripe/{id}"));
        let post = || nobody.request("POST".parse().expect("a method"), &path).body(body.clone());
        assert_eq!(nobody.send(post()).await.status, 400, "no header");
        let twice = post().header("stripe-signature", &good).header("stripe-signature", &good);
        assert_eq!(nobody.send(twice).await.status, 400, "two headers");
        assert_eq!(send(app, &id, &stripe_signature(SECRET, now, "{"), "{").await, 400, "no event");
        assert_eq!(rows(app).await, 0);
    }

    async fn one_right_signature_among_several_is_enough_and_a_replay_changes_nothing(app: TestApp) {
        let id = stripe(&app.alice().await).await;
        let (body, now) = (body(), app.now());
        let several = format!("t={},v1={},v1={}", now.timestamp(), "00".repeat(32), v1(&stripe_signature(SECRET, now, &body)));
        for _ in 0..2 {
            assert_eq!(send(app, &id, &several, &body).await, 200);
        }
        assert_eq!(rows(app).await, 1, "the same event again is known");
        app.advance(Duration::minutes(6)).await;
        assert_eq!(send(app, &id, &several, &body).await, 400, "what was overheard is worth nothing later");
        assert_eq!(rows(app).await, 1);
    }
}
