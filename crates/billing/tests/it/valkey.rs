//! A provider's events while the server behind the counts is away.

use testkit::{Options, TestApp, TestEngine, ThrowawayValkey, json};

use crate::{INTENT, deliver, fixture, known, modules, stripe};

async fn app_with(key: &str, value: String) -> TestApp {
    let options = Options { settings: vec![(key.into(), value)], ..Options::default() };
    TestApp::start_with(TestEngine::Sqlite, modules(), options).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_is_kept_once_while_valkey_is_frozen_and_when_it_was_killed() {
    let Some(mut valkey) = ThrowawayValkey::start() else { return };
    let app = app_with("valkey.url", valkey.url()).await;
    let alice = app.alice().await;
    let id = stripe(&alice).await;
    let event = fixture!("payment_intent.payment_failed.new");
    valkey.freeze();
    assert_eq!(deliver(&app, &id, &event).await.status, 200);
    valkey.kill();
    assert_eq!(deliver(&app, &id, &event).await.status, 200);
    assert_eq!(known(&alice, INTENT).await["events"].as_array().map(Vec::len), Some(1));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_webhooks_is_told_to_come_again() {
    let app = app_with("limits.webhook.per_network.limit", "2".into()).await;
    let id = stripe(&app.alice().await).await;
    let event = fixture!("payment_intent.payment_failed.new");
    for _ in 0..2 {
        assert_eq!(deliver(&app, &id, &event).await.status, 200);
    }
    let refused = deliver(&app, &id, &event).await;
    assert_eq!((refused.status, refused.header("retry-after"), refused.header("ratelimit-limit")), (429, "60", "2"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_credential_gets_a_flood_of_webhooks_through() {
    let app = app_with("limits.webhook.per_network.limit", "2".into()).await;
    let (alice, path) = (app.alice().await, "/v1/webhooks/stripe/nonsense");
    for _ in 0..2 {
        assert_eq!(alice.post(path, json!({})).await.status, 404);
    }
    assert_eq!(alice.post(path, json!({})).await.status, 429);
    assert_eq!(app.nobody().post(path, json!({})).await.status, 429, "they share the network's count");
    app.finish().await;
}
