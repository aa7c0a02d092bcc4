//! Stories of recovery, through HTTP, on both engines, against the sandbox.

// A story awaits the whole application, layer in layer; the compiler counts each.
#![recursion_limit = "256"]

mod alerts;
mod analytics;
mod attempts;
mod budgets;
mod connecting;
mod converging;
mod lost;
mod money;
mod opening;
mod pages;
mod payers;
mod recounting;
mod scanning;
mod statements;
mod upgrading;

use testkit::{Client, TestApp, Value, json};

/// The rooms that these stories need.
fn modules() -> Vec<Box<dyn host::Module>> {
    let mut rooms = testkit::rooms();
    rooms.push(Box::new(crm::Module));
    rooms.push(Box::new(billing::Module));
    rooms.push(Box::new(recovery::Module));
    rooms
}

/// Whom most stories are about.
const PAULA: &str = "paula@example.com";

/// A connection to the sandbox.
async fn sandbox_of(by: &Client) -> String {
    by.post("/v1/payment-connections", json!({"provider": "sandbox"})).await.expect(201)["id"].as_str().expect("an id").to_owned()
}

/// A key of acme that may read all that these stories look at, and a connection to the sandbox. A key
/// does not expire while the clock moves on by weeks.
async fn stage(app: &TestApp) -> (Client, String) {
    let connection = sandbox_of(&app.alice().await).await;
    (key(app).await, connection)
}

async fn key(app: &TestApp) -> Client {
    app.clerk(&["cases:read", "analytics:read", "customers:read", "payments:read", "events:write"]).await
}

/// A failed charge in the sandbox, told by its signed webhook: its reference.
async fn failed(app: &TestApp, connection: &str, method: &str, outcomes: &[&str]) -> String {
    failed_for(app, connection, PAULA, method, outcomes).await
}

async fn failed_for(app: &TestApp, connection: &str, payer: &str, method: &str, outcomes: &[&str]) -> String {
    let body = json!({"connection_id": connection, "customer": payer, "amount": 4900, "currency": "EUR", "payment_method": method, "outcomes": outcomes});
    let made = app.nobody().post("/dev/sandbox/charge", body).await.expect(201);
    app.settle().await;
    made["ref"].as_str().expect("a reference").to_owned()
}

/// A report of a failure by a program of the company.
fn report(event: &str, reference: &str, code: &str) -> Value {
    json!({
        "event_id": event, "transaction_ref": reference, "amount": 4900, "currency": "EUR", "gateway": "sandbox", "failure_code": code,
        "occurred_at": "2026-03-02T08:59:00Z", "customer": {"email": PAULA, "timezone": "Europe/Berlin"},
        "payment_method": {"token": "pm_reported", "network": "visa", "country": "DE", "fingerprint": "fp_1"},
    })
}

async fn send(by: &Client, body: Value) -> Value {
    by.post("/v1/events/payment_failed", body).await.expect(201)
}

/// The case of a payment.
async fn case(by: &Client, reference: &str) -> Value {
    by.get(&format!("/v1/recoveries/by_ref/{reference}")).await.expect(200)
}

/// What a bank saw of a method, oldest first.
async fn charges(app: &TestApp, method: &str) -> Vec<Value> {
    let found = app.nobody().get(&format!("/dev/sandbox/charges?payment_method={method}")).await.expect(200);
    found.as_array().into_iter().flatten().rev().cloned().collect()
}

async fn days(app: &TestApp, days: i64) {
    app.advance(chrono::Duration::days(days)).await;
}

/// Moves to the instant at which the case has something to do.
async fn to_next_action(app: &TestApp, of: &Value) {
    let at: kernel::At = of["next_action_at"].as_str().expect("a next action").parse().expect("an instant");
    app.advance(at - app.now()).await;
}

fn states(case: &Value, of: &str) -> Vec<String> {
    case[of].as_array().into_iter().flatten().filter_map(|row| row["state"].as_str()).map(str::to_owned).collect()
}
