//! Stories of people: registering, proving who they are, staying signed in, and being kept out.
#![expect(clippy::unwrap_used, reason = "in a story a failed unwrap names the line that matters")]

mod browser;
mod devices;
mod freezing;
mod limits;
mod passwords;
mod registering;
mod sessions;
mod tokens;

use testkit::{Answer, Client, TestApp, json};

/// The rooms that these stories need.
fn modules() -> Vec<Box<dyn host::Module>> {
    testkit::rooms()
}

/// One that no list knows and that the cast does not use.
const OTHER_PASSWORD: &str = "violet tractor sings beneath";

/// The tokens of somebody who signed up and did not verify yet; their mail is read.
async fn newcomer(app: &TestApp, email: &str) -> Client {
    let body = json!({"email": email, "password": OTHER_PASSWORD, "full_name": "Nina New", "org_name": "Initech", "org_slug": "initech"});
    let made = app.nobody().post("/v1/auth/register", body).await.expect(201);
    app.mails_to(email).await;
    // The clock stands still, and the newest mail is to be the newest.
    app.core.clock.advance(chrono::Duration::seconds(1));
    app.holding(&made)
}

/// Signs in with the given password.
async fn login(app: &TestApp, email: &str, password: &str) -> Answer {
    app.nobody().post("/v1/auth/login", json!({"email": email, "password": password})).await
}
