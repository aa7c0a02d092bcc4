//! Webhooks come twice, in any order and at once; what is known in the end is always the same.

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use testkit::{Client, TestApp, TestEngine, Value, json, stripe_signature};

use crate::modules;

const SECRET: &str = "whsec_of_any_order_at_all";
/// Orders that are tried; the second engine is slower, and the logic is the same.
const ORDERS: [(TestEngine, u32); 2] = [(TestEngine::Sqlite, 100), (TestEngine::Postgres, 20)];

/// What happened to one payment: a letter that names it, and what its intent says one after the other.
const STORIES: [(&str, &[&str]); 6] = [
    ("paid", &["insufficient_funds", "do_not_honor", "succeeded", "refunded"]),
    ("back", &["insufficient_funds", "succeeded", "refunded", "refunded in full"]),
    ("hard", &["stolen_card", "insufficient_funds"]),
    ("soft", &["do_not_honor", "insufficient_funds", "insufficient_funds"]),
    ("disputed", &["insufficient_funds", "succeeded", "disputed"]),
    ("void", &["do_not_honor", "canceled"]),
];

/// Every event of round `round`: no two rounds share an id, a card or a payment.
fn events(app: &TestApp, round: usize) -> Vec<Value> {
    let began = app.now().timestamp() - 7200;
    let of = |(name, story): &(&str, &[&str])| {
        let tell = |(place, word): (usize, &&str)| event(&format!("{round}{name}"), place, word, began);
        story.iter().enumerate().map(tell).collect::<Vec<_>>()
    };
    STORIES.iter().flat_map(of).collect()
}

fn event(name: &str, place: usize, word: &str, began: i64) -> Value {
    let (intent, charge, paid) = (format!("pi_{name}"), format!("ch_{name}{place}"), format!("ch_{name}paid"));
    let card = json!({"id": format!("pm_{name}"), "card": {"network": "visa", "country": "DE", "fingerprint": format!("fp_{name}")}});
    let object = json!({"id": intent, "invoice": null, "amount": 4900, "currency": "eur"});
    let (kind, object) = match word {
        "succeeded" => ("payment_intent.succeeded", merged(object, json!({"amount_received": 4900, "latest_charge": paid}))),
        "canceled" => ("payment_intent.canceled", object),
        "refunded" | "refunded in full" => {
            let back = if word == "refunded" { 1900 } else { 4900 };
            ("charge.refunded", json!({"id": paid, "payment_intent": intent, "amount": 4900, "amount_refunded": back, "currency": "eur"}))
        }
        "disputed" => (
            "charge.dispute.created",
            json!({"id": format!("dp_{name}"), "amount": 4900, "currency": "eur", "payment_intent": intent, "charge": paid}),
        ),
        code => {
            let error = json!({"code": "card_declined", "decline_code": code, "charge": charge, "payment_method": card});
            ("payment_intent.payment_failed", merged(object, json!({"latest_charge": charge, "last_payment_error": error})))
        }
    };
    let created = began + 600 * i64::try_from(place).expect("a few");
    json!({"id": format!("evt_{name}{place}"), "type": kind, "created": created, "livemode": true, "data": {"object": object}})
}

fn merged(mut of: Value, with: Value) -> Value {
    of.as_object_mut().expect("an object").extend(with.as_object().expect("an object").clone());
    of
}

/// What is known in the end, without what names the round.
async fn digest(by: &Client, round: usize) -> String {
    let mut digest = String::new();
    for (name, _) in STORIES {
        let reference = format!("pi_{round}{name}");
        let found = by.get(&format!("/v1/events/by_ref/{reference}")).await.expect(200);
        let case = by.get(&format!("/v1/recoveries/by_ref/{reference}")).await.expect(200);
        let of = |value: &Value, fields: &[&str]| fields.iter().map(|field| value[field].to_string()).collect::<Vec<_>>().join(" ");
        let receipts: Vec<_> =
            found["receipts"].as_array().into_iter().flatten().map(|one| of(one, &["amount", "counted", "surplus", "refunded"])).collect();
        let _ =
            writeln!(digest, "{name}: {} {receipts:?}", of(&found["transaction"], &["state", "amount_due", "amount_paid", "failed_at"]));
        let _ = writeln!(
            digest,
            "  {} {}",
            of(&case, &["state", "amount", "paid", "failed_at", "deadline_at", "hold", "attempts_used"]),
            of(&case["outcome"], &["kind", "amount", "mechanism", "reversed_minor"])
        );
        // Of a case that has ended, what it would have done next is of no matter.
        if case["closed_at"].is_null() {
            let _ = writeln!(digest, "  {} {:?}", of(&case, &["class", "hardness", "next_action"]), crate::states(&case, "attempts"));
        }
    }
    digest
}

async fn deliver(app: &TestApp, connection: &str, event: &Value) {
    let (nobody, body) = (app.nobody(), event.to_string());
    let signature = stripe_signature(SECRET, app.now(), &body);
    let path = format!("/v1/webhooks/stripe/{connection}");
    let request = nobody.request("POST".parse().expect("a method"), &path).header("stripe-signature", signature).body(body);
    let answer = nobody.send(request).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// An order of all events with some of them twice, and how many are under way at once.
fn orders(count: usize) -> impl Strategy<Value = (Vec<usize>, usize)> {
    let doubled = proptest::collection::vec(0..count, 0..count);
    (doubled, 1..4usize)
        .prop_flat_map(move |(more, at_once)| (Just((0..count).chain(more).collect::<Vec<_>>()).prop_shuffle(), Just(at_once)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_any_order_doubled_and_at_once_the_end_is_the_same() {
    for (engine, cases) in ORDERS {
        if !testkit::available(engine) {
            continue;
        }
        let app = TestApp::start(engine, modules()).await;
        let body = json!({"provider": "stripe", "webhook_secret": SECRET, "mode": "live"});
        let connection =
            app.alice().await.post("/v1/payment-connections", body).await.expect(201)["id"].as_str().expect("an id").to_owned();
        let clerk = crate::key(&app).await;
        let first = events(&app, 0);
        for event in &first {
            deliver(&app, &connection, event).await;
        }
        app.settle().await;
        let expected = digest(&clerk, 0).await;
        let mut runner = TestRunner::new(Config { cases, failure_persistence: None, max_shrink_iters: 64, ..Config::default() });
        let rounds = std::cell::Cell::new(0usize);
        let tried = runner.run(&orders(first.len()), |(order, at_once)| {
            rounds.set(rounds.get() + 1);
            let found = tokio::task::block_in_place(|| {
                tokio::runtime::Handle::current().block_on(play(&app, &connection, &clerk, rounds.get(), &order, at_once))
            });
            prop_assert_eq!(&found, &expected, "{:?}", order);
            Ok(())
        });
        assert!(tried.is_ok(), "{engine:?} after {} orders: {tried:?}", rounds.get());
        app.finish().await;
    }
}

async fn play(app: &TestApp, connection: &str, clerk: &Client, round: usize, order: &[usize], at_once: usize) -> String {
    let all = events(app, round);
    for some in order.chunks(at_once) {
        futures::future::join_all(some.iter().map(|place| deliver(app, connection, &all[*place]))).await;
    }
    app.settle().await;
    digest(clerk, round).await
}
