//! Read-only mode, on every route: whatever is not a way in or out, or a provider's message, is refused.

use std::collections::BTreeSet;

use reqwest::Method;
use testkit::{Options, TestApp, TestEngine};

use crate::operations::{document, operations};
use crate::routes::mounted;
use crate::world::modules;

/// Whoever adds a route that goes on while nothing else may be changed, says so here.
const GOES_ON: [&str; 7] = [
    "/auth/web/logout",
    "/signin",
    "/signout",
    "/v1/auth/login",
    "/v1/auth/logout",
    "/v1/auth/refresh",
    "/v1/webhooks/{provider}/{connection_id}",
];

/// Every route and method that is not safe.
async fn writes(app: &TestApp) -> BTreeSet<(String, String)> {
    let operations = operations(&document(app).await)
        .into_iter()
        .filter(super::operations::Operation::is_write)
        .map(|it| (it.path, it.method.to_string()));
    let forms = mounted().into_iter().filter(|route| route.posts).map(|route| (route.path, "POST".to_owned()));
    operations.chain(forms).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_write_is_refused_but_those_that_go_on() {
    let settings = vec![("server.read_only".to_owned(), "true".to_owned())];
    let app = TestApp::start_with(TestEngine::Sqlite, modules(), Options { settings, ..Options::default() }).await;
    let writes = writes(&app).await;
    assert!(writes.len() > 40, "only {} were found", writes.len());
    let nobody = app.nobody();
    let mut goes_on = BTreeSet::new();
    for (path, method) in &writes {
        let method: Method = method.parse().expect("a method");
        let answer = nobody.send(nobody.request(method.clone(), &filled(path))).await;
        assert_ne!(answer.status, 405, "{method} {path}");
        if answer.status != 503 {
            goes_on.insert(path.as_str());
        }
    }
    assert_eq!(goes_on, BTreeSet::from(GOES_ON));
    app.finish().await;
}

/// The address with a word in each place.
fn filled(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part });
    parts.collect::<Vec<_>>().join("/")
}
