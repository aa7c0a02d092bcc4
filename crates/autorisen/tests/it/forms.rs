//! Requests that are believed because of a cookie: each page form and each unsafe call of a script
//! must carry this session's token and come from our own origin.

use reqwest::Method;
use testkit::{Answer, Browser, TestApp, TestEngine, json};

use crate::bodies::body;
use crate::operations::{document, operations};
use crate::routes::{Route, mounted};
use crate::world::{World, modules};

/// Addresses that take a POST without being a page's form, and why no cookie is believed there.
const NO_FORMS: [(&str, &str); 9] = [
    ("/auth/web/logout", "a script's: with the header, see below"),
    ("/dev/clock", "development only, JSON, no caller"),
    ("/dev/sandbox/charge", "development only, JSON, no caller"),
    ("/dev/sandbox/faults", "development only, JSON, no caller"),
    ("/dev/sandbox/script", "development only, JSON, no caller"),
    ("/dev/sandbox/stripe/checkout/{session}", "the sandbox's own page: stands for another site"),
    ("/dev/sandbox/stripe/v1/{*path}", "the sandbox's API: needs its key"),
    ("/pay/{token}", "a payer's: the token in the path is the proof"),
    ("/v1/webhooks/{provider}/{connection_id}", "a provider's: signed"),
];

/// Every form: what takes a POST outside the OpenAPI document, but for the exceptions.
pub fn forms() -> Vec<Route> {
    let forms: Vec<_> =
        mounted().into_iter().filter(|route| route.posts && !NO_FORMS.iter().any(|(known, _)| *known == route.path)).collect();
    assert!(forms.len() > 15, "only {forms:?} were found");
    forms
}

/// What everybody may do to their own account, whatever their role.
const OF_ONESELF: [&str; 9] =
    ["/account", "/confirm", "/forgot", "/invitations/accept", "/reset", "/signin", "/signout", "/signup", "/verify"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_form_needs_its_token_and_our_origin() {
    let world = World::new(TestEngine::Sqlite).await;
    let (known, stranger) = (world.app.browser_of("alice@acme.test").await, world.app.browser());
    stranger.open("/signin").await;
    let (token, before) = (known.csrf().await, world.app.rows_of(world.acme).await);
    for path in forms().iter().map(|route| route.of_acme(&world)) {
        for browser in [&known, &stranger] {
            refused(&path, browser.submit(&path, &[]).await);
            refused(&path, browser.submit(&path, &[("_csrf", "of-somebody-else")]).await);
            refused(&path, browser.submit_from("https://evil.example", &path, &[("_csrf", &token)]).await);
            refused(&path, browser.submit_from("null", &path, &[("_csrf", &token)]).await);
        }
    }
    world.is_unchanged(&before, "a refused form").await;
    world.app.finish().await;
}

/// 403; whoever isn't signed in may be sent to the sign-in page before anything is looked at.
#[track_caller]
fn refused(path: &str, answer: Answer) {
    let sent_away = answer.status == 303 && answer.header("location").starts_with("/signin");
    assert!(answer.status == 403 || sent_away, "{path}: {} {}", answer.status, answer.text);
}

/// The exceptions are looked at, too: each is still there.
#[test]
fn what_is_no_form_is_still_there() {
    let mounted = mounted();
    for (path, reason) in NO_FORMS {
        let found = mounted.iter().any(|route| route.posts && route.path == path);
        assert!(found, "{path} ({reason}) is gone; take it off the list");
    }
}

/// With the right token from the right origin, but by somebody who only reads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_changes_nothing_by_any_form() {
    let world = World::new(TestEngine::Sqlite).await;
    let vera = world.app.browser_of("vera@acme.test").await;
    let (token, before) = (vera.csrf().await, world.app.rows_of(world.acme).await);
    let mut asked = 0;
    for route in forms().iter().filter(|route| !OF_ONESELF.iter().any(|own| route.path.starts_with(own))) {
        let answer = vera.submit(&route.of_acme(&world), &[("_csrf", &token)]).await;
        // Some pages send the person back to where they were, with a sentence.
        assert!(matches!(answer.status, 303 | 403 | 422), "{}: {} {}", route.path, answer.status, answer.text);
        asked += usize::from(answer.status != 422);
    }
    // A form without fields gets as far as the question who may.
    assert!(asked >= 6, "only {asked} forms asked who may");
    world.is_unchanged(&before, "a viewer").await;
    world.app.finish().await;
}

/// The token is what was missing: with it the same form goes through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_with_its_token_goes_through() {
    let app = TestApp::start(TestEngine::Sqlite, modules()).await;
    app.expect_mail();
    app.alice().await;
    let browser = app.browser_of("alice@acme.test").await;
    let token = browser.csrf().await;
    let made = browser.submit("/customers/new", &[("_csrf", &token), ("name", "Ada")]).await;
    assert_eq!(made.status, 303, "{}", made.text);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_write_of_a_script_needs_the_header_and_our_origin() {
    let world = World::new(TestEngine::Sqlite).await;
    let browser = world.app.browser_of("alice@acme.test").await;
    let token = browser.csrf().await;
    let before = world.app.rows_of(world.acme).await;
    for operation in operations(&document(&world.app).await).iter().filter(|it| it.is_write()) {
        let path = operation.path_parameters().iter().fold(operation.path.clone(), |path, it| {
            path.replace(
                &format!("{{{}}}", it.name),
                world.samples.get(it.prefix.as_deref().unwrap_or_default()).unwrap_or(&world.reference),
            )
        });
        let body = body(operation, "script");
        let from_here = send(&browser, &operation.method, &path, body.as_ref(), &[("origin", &world.app.base)]).await;
        let from_there =
            send(&browser, &operation.method, &path, body.as_ref(), &[("origin", "https://evil.example"), ("x-csrf-token", &token)]).await;
        let from_nowhere = send(&browser, &operation.method, &path, body.as_ref(), &[("x-csrf-token", &token)]).await;
        for answer in [from_here, from_there, from_nowhere] {
            assert_eq!((answer.status, answer.code()), (403, "csrf_failed"), "{operation}: {}", answer.text);
        }
    }
    world.is_unchanged(&before, "a refused call").await;
    let with_all = send(
        &browser,
        &Method::POST,
        "/v1/customers",
        Some(&json!({"name": "Ada"})),
        &[("origin", &world.app.base), ("x-csrf-token", &token)],
    )
    .await;
    assert_eq!(with_all.status, 201, "{}", with_all.text);
    let out = send(&browser, &Method::POST, "/auth/web/logout", None, &[("origin", &world.app.base)]).await;
    out.refused(403, "csrf_failed");
    world.app.finish().await;
}

async fn send(browser: &Browser, method: &Method, path: &str, body: Option<&testkit::Value>, headers: &[(&str, &str)]) -> Answer {
    let request = browser.request(method.clone(), path);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    browser
        .send(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await
}
