//! Stories of payments, through HTTP, on both engines.

// A story awaits the whole application, layer in layer; the compiler counts each.
#![recursion_limit = "256"]

mod connections;
mod links;
mod poison;
mod refunds;
mod reports;
mod sandbox;
mod signatures;
mod sink;
mod surplus;
mod sweeping;
mod valkey;
mod webhooks;

use kernel::{Actor, OrgId};
use store::Tx;
use testkit::{Answer, Client, TestApp, Value, json, stripe_signature};

/// The rooms that these stories need, and a fake of recovery at its port.
fn modules() -> Vec<Box<dyn host::Module>> {
    let mut rooms = testkit::rooms();
    rooms.push(Box::new(crm::Module));
    rooms.push(Box::new(billing::Module));
    rooms.push(Box::new(sink::RecoveryFake));
    rooms
}

/// What most stories sign with.
const SECRET: &str = "whsec_of_all_stories";

fn org_of(client: &Client) -> OrgId {
    client.profile["organization"]["id"].as_str().expect("an organization").parse().expect("an id")
}

async fn tx(app: &TestApp, of: &Client) -> Tx {
    Tx::for_org(&app.core.store, org_of(of), Actor::System("story")).await.expect("a transaction")
}

/// A connection to Stripe without a key, in test mode.
async fn stripe(by: &Client) -> String {
    let body = json!({"provider": "stripe", "webhook_secret": SECRET, "mode": "live"});
    by.post("/v1/payment-connections", body).await.expect(201)["id"].as_str().expect("an id").to_owned()
}

/// A connection to the sandbox.
async fn sandbox_of(by: &Client) -> String {
    by.post("/v1/payment-connections", json!({"provider": "sandbox"})).await.expect(201)["id"].as_str().expect("an id").to_owned()
}

/// Delivers an event with a signature over its bytes.
async fn deliver(app: &TestApp, connection: &str, event: &Value) -> Answer {
    let body = event.to_string();
    let signature = stripe_signature(SECRET, app.now(), &body);
    deliver_signed(app, &format!("/v1/webhooks/stripe/{connection}"), &signature, body).await
}

async fn deliver_signed(app: &TestApp, path: &str, signature: &str, body: String) -> Answer {
    let nobody = app.nobody();
    let request = nobody.request("POST".parse().expect("a method"), path).header("stripe-signature", signature).body(body);
    nobody.send(request).await
}

/// An event as the provider sends it, from the fixtures.
macro_rules! fixture {
    ($name:literal) => {
        serde_json::from_str::<testkit::Value>(include_str!(concat!("../fixtures/", $name, ".json"))).expect("a fixture")
    };
}
pub(crate) use fixture;

/// How many events of this name were told.
async fn events_named(app: &TestApp, name: &str) -> usize {
    app.settle().await;
    app.all_rows().await.iter().filter(|row| row.table == "outbox" && row.text.contains(name)).count()
}

/// Everything that is known under a reference.
async fn known(by: &Client, reference: &str) -> Value {
    by.get(&format!("/v1/events/by_ref/{reference}")).await.expect(200)
}

const INTENT: &str = "pi_3QxKg8LkdIwHu7ix0c1d2e3f";
const INVOICE: &str = "in_1QxKg7LkdIwHu7ixQm4nRt5v";
