//! A revocation on one replica holds on the other within five seconds.

use std::time::Duration;

use reqwest::Method;
use testkit::{PASSWORD, json};
use tokio::time::Instant;

use crate::judge::Findings;
use crate::series::Series;
use crate::somebody::{send, until};
use crate::world::{Person, World};
use crate::{Server, Somebody};

const WORLD_ROUNDS: u32 = 50;
/// The promise.
const HOLDS_MAX: Duration = Duration::from_secs(5);
/// How long it is looked before it is said that it never holds.
const LOOK_MAX: Duration = Duration::from_secs(12);
const SETTINGS: &str = "flows:\n  lease_s: 5\n  poll_max_ms: 200\n";

pub async fn run(series: &mut Series) {
    let mut left = series.rounds;
    while left > 0 {
        let mut world = series.world_with(SETTINGS).await;
        let place = world.beside(SETTINGS);
        let mut other = place.serve().await;
        let person = Person::register(&world.cast.nobody, "revoked@northwind.test").await;
        for round in 0..left.min(WORLD_ROUNDS) {
            let found = match round % 3 {
                0 => signed_out(series, &world, &other, &person.email).await,
                1 => key_removed(series, &world, &other).await,
                _ => frozen(series, &world, &other, &person.email).await,
            };
            let found = world.judge().await.and(found);
            series.round(&world, &found);
        }
        left = left.saturating_sub(WORLD_ROUNDS);
        other.stop().await;
        series.close(world).await;
    }
}

async fn sign_in(nobody: &Somebody, email: &str) -> Somebody {
    let shown = json!({"email": email, "password": PASSWORD});
    let tokens = nobody.post("/v1/auth/login", shown).await.expect(200);
    nobody.holding(tokens["access_token"].as_str().unwrap_or_default())
}

/// Demands that the other replica, which has just let somebody in and remembers it, shuts them out.
async fn holds(series: &mut Series, other: &Server, who: &Somebody, path: &str, began: Instant) -> Findings {
    let there = who.toward(&other.base);
    let refused = until(LOOK_MAX, async || (there.get(path).await.status == 401).then_some(())).await;
    if refused.is_none() {
        Findings::broken(format!("{path} still answers on the other replica"))
    } else {
        series.within(began.elapsed(), HOLDS_MAX, "a revocation holds")
    }
}

/// Lets the other replica see the proof, so that it remembers it.
async fn warm(other: &Server, who: &Somebody, path: &str) {
    let there = who.toward(&other.base);
    for _ in 0..2 {
        let seen = there.get(path).await;
        assert_eq!(seen.status, 200, "{path}: {}", seen.text);
    }
}

async fn signed_out(series: &mut Series, world: &World, other: &Server, email: &str) -> Findings {
    let who = sign_in(&world.cast.nobody, email).await;
    warm(other, &who, "/v1/auth/me").await;
    let began = Instant::now();
    let out = send(who.request(Method::POST, "/v1/auth/logout")).await.expect("it runs");
    assert!((200..300).contains(&out.status), "{}", out.text);
    let here = who.get("/v1/auth/me").await.status;
    let at_once = if here == 401 { Findings::default() } else { Findings::broken("a signed-out token still works where it signed out") };
    at_once.and(holds(series, other, &who, "/v1/auth/me", began).await)
}

async fn key_removed(series: &mut Series, world: &World, other: &Server) -> Findings {
    let ada = sign_in(&world.cast.nobody, "ada@northwind.test").await;
    let made = ada.post("/v1/api-keys", json!({"name": "short", "scopes": ["customers:read"]})).await.expect(201);
    let key = world.cast.nobody.holding(made["key"].as_str().expect("a key"));
    warm(other, &key, "/v1/customers?limit=1").await;
    let began = Instant::now();
    let path = format!("/v1/api-keys/{}", made["id"].as_str().unwrap_or_default());
    let removed = send(ada.request(Method::DELETE, &path)).await.expect("it runs");
    assert!((200..300).contains(&removed.status), "{}", removed.text);
    holds(series, other, &key, "/v1/customers?limit=1", began).await
}

async fn frozen(series: &mut Series, world: &World, other: &Server, email: &str) -> Findings {
    let who = sign_in(&world.cast.nobody, email).await;
    warm(other, &who, "/v1/auth/me").await;
    world.place.run(&["users", "freeze", email]).await.fine();
    let found = holds(series, other, &who, "/v1/auth/me", Instant::now()).await;
    world.place.run(&["users", "freeze", email, "--undo"]).await.fine();
    found
}
