//! Every answer of every address, whoever asks and whatever becomes of it, carries the same words for
//! browsers and caches, says its type and its charset, and tells nothing about the program.

use std::collections::BTreeSet;

use reqwest::Method;
use testkit::{Answer, Browser, Client, DRESS, PASSWORD, POLICY, TestApp, TestEngine, json};

use crate::bodies::body;
use crate::everywhere::{Address, addresses};
use crate::operations::{Operation, document, operations};
use crate::world::{World, modules};

const HTTPS_ONLY: &str = "max-age=63072000; includeSubDomains";
/// What would say which program answers.
const TELLING: [&str; 4] = ["server", "x-powered-by", "via", "x-aspnet-version"];

/// The sandbox's page where a payer pays.
const CHECKOUT: &str = "/dev/sandbox/stripe/checkout/{session}";
/// Routes with a policy of their own, and why.
const OWN_POLICY: [(&str, &str, &str); 3] = [
    (
        "/pay/{token}",
        "a payer's form goes on to the provider's page",
        "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; form-action 'self' https: http:; \
         frame-ancestors 'none'; base-uri 'none'",
    ),
    (
        CHECKOUT,
        "the sandbox's page goes back to where the payer came from",
        "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; form-action 'self' http: https:; \
         frame-ancestors 'none'; base-uri 'none'",
    ),
    (
        "/dev/mail/{id}/html",
        "a letter has its styles inside, and is shut in",
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; sandbox allow-popups",
    ),
];

/// Successes that caches may keep: the same for everybody.
const KEPT: [(&str, &str); 5] = [
    ("/.well-known/jwks.json", "public, max-age=3600"),
    ("/assets/app.", "public, max-age=31536000, immutable"),
    ("/assets/icon.", "public, max-age=31536000, immutable"),
    ("/assets/{edition}", "no-cache"),
    ("/favicon.ico", "public, max-age=86400"),
];

/// Demands all of it of one answer.
#[track_caller]
pub fn dressed(what: &str, route: &str, answer: &Answer) {
    let of = |name: &str| -> Vec<&str> { answer.headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default()).collect() };
    for (name, words) in DRESS {
        assert_eq!(of(name), [words], "{what}: {name}: {}", answer.status);
    }
    let own = OWN_POLICY.iter().find(|(own, _, words)| *own == route && of("content-security-policy") == [*words]);
    assert!(own.is_some() || of("content-security-policy") == [POLICY], "{what}: {:?}", of("content-security-policy"));
    let kept = KEPT.iter().find(|(start, _)| answer.status == 200 && route.starts_with(start)).map_or("no-store", |(_, words)| words);
    assert_eq!(of("cache-control"), [kept], "{what}: {}", answer.status);
    assert_eq!(of("x-request-id").len(), 1, "{what}");
    for name in TELLING {
        assert_eq!(of(name), Vec::<&str>::new(), "{what}: {name}");
    }
    typed(what, answer);
}

/// A body has a type, a text its charset.
#[track_caller]
fn typed(what: &str, answer: &Answer) {
    let kind = answer.header("content-type");
    if answer.text.is_empty() {
        return;
    }
    let is_json = ["application/json", "application/json; charset=utf-8", "application/problem+json", "application/jwk-set+json"];
    let is_text = ["text/", "image/svg+xml"].iter().any(|start| kind.starts_with(start)) && kind.ends_with("; charset=utf-8");
    assert!(is_json.contains(&kind) || is_text, "{what}: {} of the type {kind:?}", answer.status);
    assert_eq!(is_json.contains(&kind), answer.body.is_object() || answer.body.is_array(), "{what}: {kind:?}: {}", answer.text);
}

/// Asks everywhere with this method, and keeps the statuses.
struct Walk {
    seen: BTreeSet<u16>,
    /// Routes that answered with a policy of their own.
    own: BTreeSet<String>,
    https: bool,
}

impl Walk {
    const fn new(https: bool) -> Self {
        Self { seen: BTreeSet::new(), own: BTreeSet::new(), https }
    }

    #[track_caller]
    fn note(&mut self, what: &str, route: &str, answer: &Answer) {
        dressed(what, route, answer);
        if answer.header("content-security-policy") != POLICY {
            self.own.insert(route.to_owned());
        }
        let hsts: Vec<_> = answer.headers.get_all("strict-transport-security").iter().collect();
        assert_eq!(hsts, if self.https { vec![HTTPS_ONLY] } else { vec![] }, "{what}");
        self.seen.insert(answer.status);
    }

    async fn ask(&mut self, who: &str, client: &Client, method: &Method, address: &Address) {
        for accept in ["*/*", "text/html", "application/problem+json"] {
            let answer = client.send(client.request(method.clone(), &address.path).header("accept", accept)).await;
            self.note(&format!("{method} {} by {who}", address.path), &address.route, &answer);
        }
    }

    async fn browse(&mut self, browser: &Browser, method: &Method, address: &Address) {
        let answer = browser.send(browser.request(method.clone(), &address.path).header("accept", "text/html")).await;
        self.note(&format!("{method} {} by a browser", address.path), &address.route, &answer);
    }

    /// An operation in all its ways: right, empty, broken, of another type.
    async fn operate(&mut self, world: &World, who: &Client, operation: &Operation, path: &str) {
        let right = body(operation, "headers").unwrap_or_default().to_string();
        let mut ways = vec![("application/json", right)];
        if operation.body().is_some() {
            ways.insert(0, ("application/json", "{\"no_such_field\": 1}".to_owned()));
            ways.insert(0, ("application/json", "{".to_owned()));
            ways.insert(0, ("text/plain", "{}".to_owned()));
        }
        for (kind, text) in ways {
            for client in [&world.app.nobody(), &world.vera, who] {
                let request = client.request(operation.method.clone(), path);
                let request = if text == "null" { request } else { request.header("content-type", kind).body(text.clone()) };
                let answer = client.send(request).await;
                self.note(&format!("{operation} with {text}"), &operation.path, &answer);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_of_every_address_carries_the_same_words() {
    let world = World::new(TestEngine::Sqlite).await;
    let mut walk = Walk::new(false);
    let (browser, nobody) = (world.app.browser_of("alice@acme.test").await, world.app.nobody());
    let all = addresses(&world).await;
    let live = checkout(&world).await;
    for address in all.iter().chain(&live).chain(&nowhere()) {
        for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::PUT, Method::TRACE] {
            walk.ask("nobody", &nobody, &method, address).await;
            walk.ask("alice", &world.alice, &method, address).await;
            walk.browse(&browser, &method, address).await;
        }
        walk.ask("nobody", &nobody, &Method::POST, address).await;
        walk.browse(&browser, &Method::POST, address).await;
    }
    let mut writes: Vec<_> = operations(&document(&world.app).await).into_iter().filter(Operation::is_write).collect();
    // Whoever signs out is not let in any more.
    writes.sort_by_key(|operation| ["logout", "end_session"].contains(&operation.id.as_str()));
    for operation in &writes {
        let path = all.iter().find(|address| address.route == operation.path).map(|address| address.path.clone()).expect("an address");
        walk.operate(&world, &world.alice, operation, &path).await;
    }
    let expected = [200, 201, 204, 303, 400, 401, 403, 404, 405, 409, 415, 422];
    assert!(expected.iter().all(|status| walk.seen.contains(status)), "only {:?} were met", walk.seen);
    let own: BTreeSet<String> = OWN_POLICY.iter().map(|(route, ..)| (*route).to_owned()).collect();
    assert_eq!(walk.own, own, "a policy that is never met proves nothing");
    world.app.finish().await;
}

/// A payer's link that still works, and the page where it leads: acme's own is too old.
async fn checkout(world: &World) -> [Address; 2] {
    let (connection, payer) = (world.samples.get("con").expect("a connection"), "late@payer.test");
    let charge = json!({"connection_id": connection, "customer": payer, "amount": 4900, "currency": "EUR",
        "outcomes": ["expired_card"], "invoice": false});
    world.app.nobody().post("/dev/sandbox/charge", charge).await.expect(201);
    let link = format!("/pay/{}", world.app.token_to(payer).await);
    let opened = world.app.nobody().post_empty(&link).await;
    let page = opened.header("location").to_owned();
    assert!(page.contains("/dev/sandbox/stripe/checkout/"), "{}: {}", opened.status, opened.text);
    [("/pay/{token}", link), (CHECKOUT, page)].map(|(route, path)| Address { route: route.to_owned(), path, gets: true })
}

/// Addresses where nothing is.
fn nowhere() -> [Address; 3] {
    ["/no-such-page", "/v1/no-such-thing", "/%2e%2e/etc"].map(|path| Address { route: path.to_owned(), path: path.to_owned(), gets: true })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_of_the_whole_house_are_dressed_alike() {
    let world = World::new(TestEngine::Sqlite).await;
    let all = addresses(&world).await;
    for (key, value, status) in [("limits.request.per_network.limit", "1", 429), ("server.read_only", "true", 503)] {
        let replica = world.app.replica(modules(), &[(key, value)]).await;
        let mut walk = Walk::new(false);
        for address in &all {
            walk.ask(key, &replica.nobody(), &Method::POST, address).await;
        }
        assert!(walk.seen.contains(&status), "{key}: only {:?} were met", walk.seen);
        replica.finish().await;
    }
    world.app.finish().await;
}

/// Where the public address is https, browsers are told never to come without.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_https_every_answer_says_so() {
    let world = World::new(TestEngine::Sqlite).await;
    let secure: TestApp = world.app.replica(modules(), &[("server.public_url", "https://app.acme.test")]).await;
    let shown = json!({"email": "alice@acme.test", "password": PASSWORD});
    let alice = secure.holding(&secure.nobody().post("/v1/auth/login", shown).await.ok());
    let mut walk = Walk::new(true);
    for address in addresses(&world).await.iter().chain(&nowhere()) {
        for method in [Method::GET, Method::HEAD, Method::PUT] {
            walk.ask("nobody", &secure.nobody(), &method, address).await;
            walk.ask("alice", &alice, &method, address).await;
        }
    }
    assert!([200, 303, 401, 404, 405].iter().all(|status| walk.seen.contains(status)), "only {:?} were met", walk.seen);
    secure.finish().await;
    world.app.finish().await;
}
