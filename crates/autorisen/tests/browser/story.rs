//! The main job, page by page.

use testkit::TestApp;

use crate::browser::Browser;

/// What the story showed.
pub struct Told {
    pub pages: usize,
}

const PASSWORD: &str = "correct-Horse-battery-7-staple";

/// sign up → mail → verify → sign in → connect the sandbox → failing charge → case → payer mail →
/// pay → dashboard.
pub async fn main_job(app: &TestApp, browser: &mut Browser) -> Told {
    signs_up_and_verifies(app, browser).await;
    signs_out_and_in(browser).await;
    connects_the_sandbox_and_charges(app, browser).await;
    let link = finds_the_case_and_the_mail(app, browser).await;
    pays(app, browser, &link).await;
    sees_the_money(browser).await;
    looks_around(browser).await;
    Told { pages: browser.shown }
}

async fn signs_up_and_verifies(app: &TestApp, browser: &mut Browser) {
    browser.go("/").await;
    browser.sees("Sign in").await;
    browser.look("signin").await;
    browser.press("Sign up").await;
    browser.look("signup").await;
    browser.fill("full_name", "Alice Admin").await;
    browser.fill("email", "alice@acme.test").await;
    browser.fill("org_name", "Acme").await;
    browser.fill("password", PASSWORD).await;
    browser.press("Sign up").await;
    browser.sees("Dashboard").await;
    browser.look("dashboard-first").await;
    let mail = app.mail_to("alice@acme.test").await;
    let link = mail["links"][0].as_str().expect("a link").to_owned();
    browser.go("/dev/mail").await;
    browser.look("mailbox").await;
    browser.go(&link).await;
    browser.look("verify").await;
    browser.press("Confirm my address").await;
    browser.sees("address is confirmed").await;
}

async fn signs_out_and_in(browser: &mut Browser) {
    browser.go("/account").await;
    browser.look("account").await;
    browser.go("/forgot").await;
    browser.look("forgot").await;
    browser.go("/dashboard").await;
    let menu = browser.text().await;
    if !menu.contains("Sign out") {
        browser.press("Menu").await;
    }
    browser.press("Sign out").await;
    browser.go("/connections").await;
    browser.arrives("/signin?return_to=%2Fconnections").await;
    browser.fill("email", "alice@acme.test").await;
    browser.fill("password", PASSWORD).await;
    browser.press("Sign in").await;
    // Signing in leads back to what was asked for.
    browser.arrives("/connections").await;
}

async fn connects_the_sandbox_and_charges(app: &TestApp, browser: &mut Browser) {
    browser.look("connections-empty").await;
    browser.press("Connect the sandbox").await;
    browser.sees("Make a charge").await;
    browser.look("connection").await;
    browser.fill("outcome", "expired_card").await;
    browser.fill("email", "pat@shop.test").await;
    browser.press("Make the charge").await;
    browser.sees("Its webhook is on its way").await;
    app.settle().await;
    browser.go("/connections").await;
    browser.look("connections").await;
    browser.press("Sandbox").await;
    browser.sees("payment_intent.payment_failed").await;
    browser.look("connection-events").await;
}

async fn finds_the_case_and_the_mail(app: &TestApp, browser: &mut Browser) -> String {
    browser.go("/payments").await;
    browser.look("payments").await;
    browser.press("pat@shop.test").await;
    browser.look("case-open").await;
    let mail = app.mail_to("pat@shop.test").await;
    let links = mail["links"].as_array().expect("links").iter().filter_map(|link| link.as_str());
    let link = links.into_iter().find(|link| link.contains("/pay/")).expect("a payment link").to_owned();
    browser.go(&format!("/dev/mail/{}", mail["id"].as_str().expect("an id"))).await;
    browser.look("payer-mail").await;
    link
}

async fn pays(app: &TestApp, browser: &mut Browser, link: &str) {
    browser.go(link).await;
    browser.look("pay").await;
    browser.press("Continue to payment").await;
    browser.sees("Pay with").await;
    browser.look("checkout").await;
    browser.press("Pay 49.00 EUR").await;
    browser.sees("Thank you").await;
    app.settle().await;
    browser.look("pay-done").await;
    browser.go(link).await;
    browser.look("pay-used").await;
}

async fn sees_the_money(browser: &mut Browser) {
    browser.go("/dashboard").await;
    browser.sees("100").await;
    browser.look("dashboard").await;
    browser.go("/payments").await;
    browser.press("pat@shop.test").await;
    browser.sees("recovered").await;
    browser.look("case-recovered").await;
}

async fn looks_around(browser: &mut Browser) {
    for (path, name) in [
        ("/customers", "customers"),
        ("/customers/new", "customer-new"),
        ("/members", "members"),
        ("/api-keys", "api-keys"),
        ("/audit", "audit"),
        ("/settings", "settings"),
        ("/docs", "docs"),
        ("/nothing-here", "not-found"),
    ] {
        browser.go(path).await;
        browser.look(name).await;
    }
    browser.go("/customers").await;
    browser.press("pat@shop.test").await;
    browser.look("customer").await;
}
