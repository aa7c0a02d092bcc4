//! Stories of customers, through HTTP, on both engines.

// A story awaits the whole application, layer in layer; the compiler counts each.
#![recursion_limit = "256"]

mod customers;
mod intake;
mod pages;
mod timeline;

use testkit::{Client, TestApp, Value, json};

/// The rooms that these stories need.
fn modules() -> Vec<Box<dyn host::Module>> {
    let mut rooms = testkit::rooms();
    rooms.push(Box::new(crm::Module));
    rooms.push(Box::new(pages::PanelModule));
    rooms
}

/// Ada, whom most stories are about.
async fn ada(by: &Client) -> Value {
    let body = json!({"name": "Ada Lovelace", "email": "Ada@Example.com", "external_ref": "Cust-1", "phone": "+27 82 123 4567"});
    by.post("/v1/customers", body).await.expect(201)
}

/// Lets a moment pass: lists are sorted by time.
async fn later(app: &TestApp) {
    app.advance(chrono::Duration::seconds(1)).await;
}

fn path_of(customer: &Value) -> String {
    format!("/v1/customers/{}", customer["id"].as_str().expect("an id"))
}

/// The names in a list's answer, in its order.
fn names(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|customer| customer["name"].as_str().expect("a name")).collect()
}
