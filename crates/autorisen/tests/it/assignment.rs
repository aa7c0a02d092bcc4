//! Nobody chooses by a body what the program decides: whose a thing is, who somebody is, what they may.

use testkit::{TestEngine, Value, json};

use crate::bodies::body;
use crate::forms::forms;
use crate::operations::{document, operations};
use crate::world::World;

/// What a row has and a caller must not set, wherever they try.
fn coveted() -> Vec<(&'static str, Value)> {
    let id = |prefix: &str| json!(format!("{prefix}_01jd3v0000000000000000000a"));
    vec![
        ("role", json!("admin")),
        ("org_id", id("org")),
        ("user_id", id("usr")),
        ("account_id", id("usr")),
        ("id", id("usr")),
        ("is_active", json!(true)),
        ("is_admin", json!(true)),
        ("email_verified", json!(true)),
        ("email_verified_at", json!("2026-01-01T00:00:00Z")),
        ("permissions", json!(["members:write"])),
        ("plan", json!("enterprise")),
        ("rate_limit", json!(1_000_000)),
        ("created_by", id("usr")),
        ("version", json!(99)),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_body_sets_what_the_program_decides() {
    let world = World::new(TestEngine::Sqlite).await;
    let before = world.app.rows_of(world.acme).await;
    let mut tried = 0;
    for operation in operations(&document(&world.app).await).iter().filter(|it| it.body().is_some()) {
        let of_acme = |it: &crate::operations::PathParameter| {
            world.samples.get(it.prefix.as_deref().unwrap_or_default()).unwrap_or(&world.reference).to_owned()
        };
        let known = &operation.body().expect("asked for")["properties"];
        for (field, value) in coveted().into_iter().filter(|(field, _)| known.get(field).is_none()) {
            let mut greedy = body(operation, "greedy").expect("what takes a body has one here");
            greedy[field] = value;
            let answer = operation.call(&world.alice, of_acme, Some(&greedy)).await;
            assert!((400..500).contains(&answer.status), "{operation} takes `{field}`: {} {}", answer.status, answer.text);
            tried += 1;
        }
    }
    assert!(tried > 200, "only {tried} were tried");
    world.is_unchanged(&before, "a greedy body").await;
    world.app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_form_sets_what_the_program_decides() {
    let world = World::new(TestEngine::Sqlite).await;
    let alice = world.app.browser_of("alice@acme.test").await;
    let (token, before) = (alice.csrf().await, world.app.rows_of(world.acme).await);
    for route in forms().iter().filter(|route| route.path != "/account/switch") {
        for (field, value) in
            [("org_id", "org_01jd3v0000000000000000000a"), ("user_id", "usr_01jd3v0000000000000000000a"), ("is_admin", "true")]
        {
            let answer = alice.submit(&route.of_acme(&world), &[("_csrf", &token), (field, value)]).await;
            assert!((400..500).contains(&answer.status), "{} takes `{field}`: {} {}", route.path, answer.status, answer.text);
        }
    }
    world.is_unchanged(&before, "a greedy form").await;
    world.app.finish().await;
}
