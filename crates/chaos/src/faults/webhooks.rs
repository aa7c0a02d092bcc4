//! A provider's events doubled, shuffled and at the same time: always the same final state.

use reqwest::Method;
use testkit::{Value, json, stripe_signature};
use tokio::task::JoinSet;

use crate::books::{rows, text};
use crate::deeds::stripe_event;
use crate::judge::Findings;
use crate::series::Series;
use crate::somebody::send;
use crate::world::{WEBHOOK_SECRET, World};

const WORLD_ROUNDS: u32 = 50;
/// Payments of each round; each is told in another order.
const PAYMENTS: u64 = 4;
/// How often each event is delivered.
const COPIES: usize = 3;
/// A refused delivery is sent again, as providers do.
const TRIES_MAX: usize = 20;

pub async fn run(series: &mut Series) {
    let (mut left, mut delivered) = (series.rounds, 0);
    while left > 0 {
        let mut world = series.world().await;
        for round in 0..left.min(WORLD_ROUNDS) {
            let mut found = Findings::default();
            let mut states = Vec::new();
            for payment in 0..PAYMENTS {
                let key = format!("shuffled{round}x{payment}");
                delivered += deliver(&mut world, &key).await;
                let (state, wrong) = state(&world, &key).await;
                states.push(state);
                found.doubled.extend(wrong);
            }
            if states.iter().any(|state| *state != states[0]) {
                found.broken.push(format!("the order of arrival shows in the end: {states:?}"));
            }
            let found = world.judge().await.and(found);
            series.round(&world, &found);
        }
        left = left.saturating_sub(WORLD_ROUNDS);
        series.close(world).await;
    }
    series.tally.count("deliveries", delivered);
}

/// Two failures and a success of one payment, each several times, in an order that is drawn, and all
/// at once.
async fn deliver(world: &mut World, key: &str) -> u64 {
    let now = world.now();
    let mut paid = stripe_event(key, 3, now + chrono::Duration::seconds(2));
    paid["type"] = json!("payment_intent.succeeded");
    let object = &mut paid["data"]["object"];
    object["status"] = json!("succeeded");
    object["amount_received"] = object["amount"].clone();
    object["last_payment_error"] = Value::Null;
    let events = [stripe_event(key, 1, now), stripe_event(key, 2, now + chrono::Duration::seconds(1)), paid];
    let mut bodies: Vec<String> = events.iter().flat_map(|event| std::iter::repeat_n(event.to_string(), COPIES)).collect();
    for place in (1..bodies.len()).rev() {
        let other = usize::try_from(world.dice.below(place as u64 + 1)).unwrap_or_default();
        bodies.swap(place, other);
    }
    let path = format!("/v1/webhooks/stripe/{}", world.cast.stripe);
    let mut under_way = JoinSet::new();
    let count = bodies.len() as u64;
    for body in bodies {
        let (nobody, path, journal) = (world.cast.nobody.clone(), path.clone(), world.journal.clone());
        under_way.spawn(async move {
            for _ in 0..TRIES_MAX {
                let signature = stripe_signature(WEBHOOK_SECRET, now, &body);
                let request = nobody.request(Method::POST, &path).header("stripe-signature", signature).body(body.clone());
                match send(request).await {
                    Ok(answer) if answer.status == 200 => return,
                    Ok(answer) if answer.status == 503 => {}
                    other => journal.wrong(format!("a webhook was answered with {other:?}")),
                }
            }
            journal.wrong("a webhook was never taken".to_owned());
        });
    }
    under_way.join_all().await;
    count
}

/// What is known in the end, without ids and times; and what is there more often than it may be.
async fn state(world: &World, key: &str) -> (Value, Vec<String>) {
    let clerk = &world.cast.clerk;
    let reference = format!("pi_{key}");
    let known = clerk.get(&format!("/v1/events/by_ref/{reference}")).await.body["data"].clone();
    let cases = clerk.get("/v1/cases?limit=100").await.body["data"].clone();
    let transactions = clerk.get("/v1/transactions?limit=100").await.body["data"].clone();
    let of = |all: &Value| all.as_array().into_iter().flatten().filter(|row| row["ref"] == reference.as_str()).cloned().collect::<Vec<_>>();
    let (cases, transactions) = (of(&cases), of(&transactions));
    let mut ids: Vec<_> = rows(&known, "events").iter().map(|event| text(event, "event_id")).collect();
    ids.sort_unstable();
    let mut wrong = Vec::new();
    if ids.len() != 3 || transactions.len() != 1 || cases.len() > 1 {
        wrong.push(format!("{reference}: events {ids:?}, {} transactions, {} cases", transactions.len(), cases.len()));
    }
    let paid = transactions.first().map(|row| (row["state"].clone(), row["amount_paid"].clone()));
    // A success that comes first leaves nothing to recover, so that there may be no case; an open one
    // there must not be.
    let open = cases.iter().filter(|case| !case["next_action_at"].is_null()).count();
    (json!({"paid": paid, "open_cases": open}), wrong)
}
