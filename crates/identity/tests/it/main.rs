//! Stories of people: registering, proving who they are, staying signed in, and being kept out.
#![expect(clippy::unwrap_used, reason = "in a story a failed unwrap names the line that matters")]

mod addresses;
mod browser;
mod choosing;
mod devices;
mod forged;
mod freezing;
mod invited;
mod limits;
mod links;
mod mail_first;
mod passwords;
mod proofs;
mod races;
mod registering;
mod replicas;
mod rotation;
mod sessions;
mod sign_in;
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

/// Runs a story on each engine with settings of its own.
async fn with_settings(settings: &[(&str, &str)], story: impl AsyncFn(&TestApp)) {
    for engine in testkit::engines() {
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let app = TestApp::start_with(engine, modules(), testkit::Options { settings, ..Default::default() }).await;
        story(&app).await;
        app.finish().await;
    }
}

/// Sends a page's form with the token that the page carries; the way from the link to the button.
async fn press(app: &TestApp, page: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
    let browser = app.browser();
    let csrf = testkit::csrf_in(&browser.open(page).await.text);
    let all: Vec<_> = [("_csrf", csrf.as_str())].into_iter().chain(fields.iter().copied()).collect();
    browser.submit(action, &all).await
}
