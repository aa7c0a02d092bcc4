//! What a browser gets to see: its session is a cookie that no script reads, and no answer holds a
//! token, in whatever way it is asked for.

use reqwest::Method;
use testkit::{Answer, Browser, PASSWORD, TestEngine, Value};

use crate::bodies::body;
use crate::everywhere::{Address, addresses};
use crate::operations::{Operation, document, operations};
use crate::world::World;

/// Answers with tokens to whoever shows a proof of their own in the body, whatever cookie comes along:
/// the ways in of programs. A page of ours never calls them.
const WAYS_IN: [&str; 1] = ["login"];
/// How every access token begins: `{"` of its header.
const TOKEN_MARK: &str = "eyJ";

/// Looks at answers for what must not be in them.
struct Watch {
    secrets: Vec<String>,
    looked: usize,
}

impl Watch {
    #[track_caller]
    fn look(&mut self, what: &str, answer: &Answer) {
        let headers = answer.headers.iter().filter(|(name, _)| *name != "set-cookie");
        let headers: Vec<_> = headers.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or_default())).collect();
        let told = format!("{}\n{}", headers.join("\n"), answer.text);
        for secret in &self.secrets {
            assert!(!told.contains(secret.as_str()), "{what} tells a browser {secret}: {told}");
        }
        assert!(!told.contains(TOKEN_MARK), "{what} tells a browser a token: {told}");
        for field in ["access_token", "refresh_token"] {
            assert!(holds_nothing(&answer.body, field), "{what} has a {field}: {told}");
        }
        for cookie in answer.headers.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok()) {
            assert!(cookie.contains("; HttpOnly"), "{what}: a script reads {cookie}");
        }
        self.looked += usize::from(answer.status < 300);
    }
}

/// Whether a field is nowhere, or holds no text. (The document of the API describes such fields.)
fn holds_nothing(value: &Value, field: &str) -> bool {
    match value {
        Value::Object(fields) => fields.iter().all(|(name, value)| (name != field || !value.is_string()) && holds_nothing(value, field)),
        Value::Array(items) => items.iter().all(|item| holds_nothing(item, field)),
        _ => true,
    }
}

/// A browser in which alice is signed in, and what her cookies hold.
async fn signed_in(world: &World) -> (Browser, Vec<String>) {
    let browser = world.app.browser();
    let csrf = testkit::csrf_in(&browser.open("/signin").await.text);
    let entered = browser.submit("/signin", &[("_csrf", &csrf), ("email", "alice@acme.test"), ("password", PASSWORD)]).await;
    let cookies = entered.headers.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok()?.split(';').next()?.split_once('='));
    let kept: Vec<_> = cookies.map(|(_, value)| value.to_owned()).filter(|value| value.len() > 20).collect();
    assert!(!kept.is_empty(), "no cookie was set");
    (browser, kept)
}

async fn ask(browser: &Browser, operation: &Operation, path: &str, from: &str, csrf: &str) -> Answer {
    let request = browser.request(operation.method.clone(), path).header("origin", from).header("x-csrf-token", csrf);
    browser
        .send(match body(operation, "browser") {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_to_a_browser_holds_a_token() {
    let world = World::new(TestEngine::Sqlite).await;
    let (browser, mut secrets) = signed_in(&world).await;
    for field in ["access_token", "refresh_token"] {
        secrets.push(world.alice.profile[field].as_str().expect("alice has tokens as well").to_owned());
    }
    let mut watch = Watch { secrets, looked: 0 };
    let all = addresses(&world).await;
    let csrf = browser.csrf().await;
    for address in &all {
        for method in [Method::GET, Method::OPTIONS, Method::POST] {
            for accept in ["text/html", "application/json"] {
                let answer = browser.send(browser.request(method.clone(), &address.path).header("accept", accept)).await;
                watch.look(&format!("{method} {}", address.path), &answer);
            }
        }
    }
    let mut writes: Vec<_> = operations(&document(&world.app).await).into_iter().filter(Operation::is_write).collect();
    writes.sort_by_key(|operation| ["logout", "end_session"].contains(&operation.id.as_str()));
    for operation in writes.iter().filter(|operation| !WAYS_IN.contains(&operation.id.as_str())) {
        let Address { path, .. } = all.iter().find(|address| address.route == operation.path).expect("an address");
        let answer = ask(&browser, operation, path, &world.app.base, &csrf).await;
        assert_ne!(answer.code(), "csrf_failed", "{operation}");
        watch.look(&operation.to_string(), &answer);
    }
    assert!(watch.looked > 80, "only {} answers were successes", watch.looked);
    world.app.finish().await;
}

/// The right proofs of a browser: the session that follows is a cookie as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browsers_new_session_comes_as_a_cookie_and_nothing_else() {
    let world = World::new(TestEngine::Sqlite).await;
    let (browser, secrets) = signed_in(&world).await;
    let mut watch = Watch { secrets, looked: 0 };
    let next = "pelican-Amber-lathe-9-harvester";
    let proofs = [
        ("/v1/auth/confirm", testkit::json!({"password": PASSWORD})),
        ("/v1/auth/switch", testkit::json!({"org_id": world.alice.profile["organization"]["id"]})),
        ("/v1/auth/password/change", testkit::json!({"current_password": PASSWORD, "new_password": next})),
    ];
    for (path, shown) in proofs {
        let csrf = browser.csrf().await;
        let request = browser.request(Method::POST, path).header("origin", &world.app.base).header("x-csrf-token", csrf);
        let answer = browser.send(request.json(&shown)).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        let set = answer.headers.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok()?.split(';').next()?.split_once('='));
        let fresh: Vec<_> = set.map(|(_, value)| value.to_owned()).filter(|value| value.len() > 20).collect();
        assert!(!fresh.is_empty(), "{path} sets no cookie");
        watch.secrets.extend(fresh);
        watch.look(path, &answer);
    }
    world.app.finish().await;
}
