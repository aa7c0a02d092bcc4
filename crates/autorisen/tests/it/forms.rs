//! Requests that are believed because of a cookie: each page form and each unsafe call of a script
//! must carry this session's token and come from our own origin.

use reqwest::Method;
use testkit::{Answer, Browser, TestApp, TestEngine, json};

use crate::bodies::body;
use crate::code::{File, files};
use crate::operations::{document, operations};
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

/// Every address that takes a POST outside the OpenAPI document, as the sources mount them.
fn posts() -> Vec<String> {
    let mut found: Vec<String> = files().iter().flat_map(posts_in).collect();
    found.sort();
    found
}

/// The paths of `.route(path, …post(handler)…)`.
fn posts_in(file: &File) -> Vec<String> {
    let code = file.code();
    let mounted = code.split(".route(").skip(1).filter_map(|rest| rest.split(';').next()?.split_once(", "));
    mounted.filter(|(_, methods)| methods.contains("post(")).map(|(written, _)| path(file, written.trim())).collect()
}

fn path(file: &File, written: &str) -> String {
    let quoted = |text: &str| text.split('"').nth(1).unwrap_or_default().to_owned();
    if written.starts_with('"') {
        return quoted(written);
    }
    if written.starts_with("&format!(") {
        let base = quoted(written).replace("{{", "{").replace("}}", "}");
        // The one base that is put in front of others.
        return base.replacen("{}", "/dev/sandbox/stripe", 1);
    }
    let name = written.rsplit("::").next().unwrap_or(written);
    let declared = file.text.split(&format!("const {name}: &str = ")).nth(1);
    quoted(declared.unwrap_or_else(|| panic!("{}: {written} is no address that this walk can read", file.path)))
}

/// A page's address with acme's ids in it.
fn filled(world: &World, path: &str) -> String {
    let kinds = [
        ("/cases/", "cas"),
        ("/customers/", "cus"),
        ("/connections/", "con"),
        ("/members/invitations/", "inv"),
        ("/members/", "mem"),
        ("/api-keys/", "key"),
        ("/account/sessions/", "ses"),
    ];
    if !path.contains('{') {
        return path.to_owned();
    }
    let kind = kinds.iter().find(|(start, _)| path.starts_with(start)).unwrap_or_else(|| panic!("say in forms.rs which ids {path} takes"));
    path.replace("{id}", world.samples.get(kind.1).expect("a sample"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_form_needs_its_token_and_our_origin() {
    let world = World::new(TestEngine::Sqlite).await;
    let (known, stranger) = (world.app.browser_of("alice@acme.test").await, world.app.browser());
    stranger.open("/signin").await;
    let (token, before) = (known.csrf().await, world.app.rows_of(world.acme).await);
    let forms: Vec<String> = posts().into_iter().filter(|path| !NO_FORMS.iter().any(|(known, _)| known == path)).collect();
    assert!(forms.len() > 15, "only {forms:?} were found");
    for path in forms.iter().map(|path| filled(&world, path)) {
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

/// The exceptions are looked at, too: each is there, and takes no cookie for a proof.
#[test]
fn what_is_no_form_is_still_there() {
    let posts = posts();
    for (path, reason) in NO_FORMS {
        assert!(posts.iter().any(|known| known == path), "{path} ({reason}) is gone; take it off the list. There is {posts:?}");
    }
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
