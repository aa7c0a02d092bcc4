//! `Idempotency-Key`, on every POST: the same request again gives the first answer and does nothing,
//! another body is refused, and of many at once one happens.

use std::collections::BTreeSet;

use testkit::{Answer, Client, Value, engines, json};

use crate::bodies::body;
use crate::operations::{Operation, document, operations};
use crate::world::World;

/// POSTs that open no tenant transaction: they make nothing of their own, or guard against doubles
/// by single-use tokens.
const WITHOUT: [&str; 13] = [
    "accept_invitation",
    "change_password",
    "confirm_password",
    "forgot_password",
    "login",
    "logout",
    "refresh_session",
    "register",
    "register_invited",
    "resend_verification",
    "reset_password",
    "switch_organization",
    "verify_email",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_post_happens_once() {
    for engine in engines() {
        let world = World::new(engine).await;
        let all = operations(&document(&world.app).await);
        let posts: Vec<_> = all.iter().filter(|it| it.method == "POST" && !WITHOUT.contains(&it.id.as_str())).collect();
        assert!(posts.len() >= 8, "only {} were found", posts.len());
        for operation in posts {
            again(&world, operation).await;
            at_once(&world, operation).await;
        }
        world.app.finish().await;
    }
}

async fn post(world: &World, operation: &Operation, key: &str, body: Option<&Value>) -> Answer {
    let alice: Client = world.alice.clone().with_header("idempotency-key", key);
    let of_acme = |it: &crate::operations::PathParameter| {
        world.samples.get(it.prefix.as_deref().unwrap_or_default()).unwrap_or(&world.reference).to_owned()
    };
    operation.call(&alice, of_acme, body).await
}

async fn again(world: &World, operation: &Operation) {
    let (key, good) = (format!("again-{}", operation.id), body(operation, "once"));
    let first = post(world, operation, &key, good.as_ref()).await;
    assert!((200..300).contains(&first.status), "{operation}: {}", first.text);
    let before = effects(world).await;
    let second = post(world, operation, &key, good.as_ref()).await;
    assert_eq!((second.status, &second.text), (first.status, &first.text), "{operation}: the first answer, byte for byte");
    assert_eq!(second.header("idempotency-replayed"), "true", "{operation}");
    assert_eq!(effects(world).await, before, "{operation} happened again");
    let other = body(operation, "other").unwrap_or_else(|| json!({"other": 1}));
    if good.as_ref() != Some(&other) {
        post(world, operation, &key, Some(&other)).await.refused(422, "idempotency_key_reused");
    }
    let stranger = world.mallory.clone().with_header("idempotency-key", &key);
    let theirs = operation
        .call(&stranger, |it| world.samples.get(it.prefix.as_deref().unwrap_or_default()).unwrap_or_default().to_owned(), good.as_ref())
        .await;
    assert_ne!(theirs.text, first.text, "{operation}: another organization gets acme's answer");
}

/// Five at the same moment: one effect, one answer, or a request to come back.
async fn at_once(world: &World, operation: &Operation) {
    let (key, good) = (format!("at-once-{}", operation.id), body(operation, "at-once"));
    let before = effects(world).await;
    let send = || post(world, operation, &key, good.as_ref());
    let answers: [Answer; 5] = tokio::join!(send(), send(), send(), send(), send()).into();
    let (good_ones, others): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| (200..300).contains(&answer.status));
    let texts: BTreeSet<_> = good_ones.iter().map(|answer| &answer.text).collect();
    assert_eq!(texts.len(), 1, "{operation}: {answers:?}");
    assert!(others.iter().all(|answer| answer.code() == "idempotency_key_in_use"), "{operation}: {others:?}");
    let told = good_ones.iter().filter(|answer| answer.header("idempotency-replayed") != "true").count();
    assert_eq!(told, 1, "{operation}: it happened {told} times");
    let made = effects(world).await - before;
    assert!(made <= effects_of_one(&operation.id), "{operation} left {made} rows");
}

/// Rows of acme, but for what only remembers: keys' use, runs of the queue.
async fn effects(world: &World) -> usize {
    let counted = ["customers", "api_keys", "invitations", "payment_connections", "cases", "transactions", "audit_log", "outbox"];
    world.app.rows_of(world.acme).await.iter().filter(|row| counted.contains(&row.table.as_str())).count()
}

/// The thing, its audit line and its event; a report makes a transaction, a case and a customer.
fn effects_of_one(id: &str) -> usize {
    if id == "report_payment_failed" { 12 } else { 3 }
}
