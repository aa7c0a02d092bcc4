//! What an answer, a log line and a figure tell, and to whom.

use testkit::{keep_logs, logs};

use crate::app;
use crate::said::{sends, single};

/// A word that only a stranger would say.
const CANARY: &str = "marmalade-lighthouse";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_version_is_told() {
    let app = app().await;
    let data = app.nobody().get("/version").await.ok();
    assert_eq!((data["environment"].as_str(), data["version"].as_str()), (Some("test"), Some(env!("CARGO_PKG_VERSION"))));
    assert!(data.get("commit").is_some(), "{data}");
    assert_eq!(app.nobody().get("/livez").await.header("x-autorisen-version"), env!("CARGO_PKG_VERSION"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_is_kept_by_a_cache() {
    let app = app().await;
    let alice = app.alice().await;
    for path in [
        "/livez",
        "/readyz",
        "/v1/auth/me",
        "/account",
        "/signin",
        "/no-such-page",
        "/v1/no-such-thing",
        "/openapi.json",
        "/version",
        "/auth/web/me",
    ] {
        assert_eq!(alice.get(path).await.header("cache-control"), "no-store", "{path}");
    }
    single(&app, "BAD\r\n\r\n").await.is_dressed();
    single(&app, "GET / HTTP/1.1\r\n\r\n").await.is_dressed();
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_told_of_what_a_stranger_makes_up() {
    keep_logs();
    let app = app().await;
    for request in [
        format!("GET /{CANARY} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
        format!("GET /{CANARY}/x?{CANARY}=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
        format!("{} /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", CANARY.to_uppercase()),
        format!("GET /livez HTTP/1.1\r\nHost: {CANARY} x\r\n\r\n"),
        format!("GET /{CANARY} HTTP/1.1\nHost: a\r\n\r\n"),
    ] {
        assert_eq!(sends(&app, request).await.len(), 1);
    }
    let lines = logs();
    assert!(lines.contains("unmatched") && lines.contains("refused"), "{lines}");
    assert!(!lines.to_lowercase().contains(CANARY), "{lines}");
    app.finish().await;
}

/// As many figures as before, however many words are made up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_have_few_labels() {
    let app = app().await;
    let before = figures(&app);
    for n in 0..20 {
        sends(&app, format!("GET /{CANARY}{n} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).await;
        sends(&app, format!("MADE{n} /{n} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).await;
        sends(&app, format!("GET /{n} HTTP/1.1\r\nX{n} : a\r\n\r\n")).await;
    }
    let after = figures(&app);
    assert!(!after.contains(CANARY) && !after.contains("MADE"), "{after}");
    let lines = |text: &str| text.lines().filter(|line| line.starts_with("http_requests_total")).count();
    assert!(lines(&after) <= lines(&before) + 3, "{after}");
    assert!(after.contains("route=\"refused\""), "{after}");
    app.finish().await;
}

fn figures(app: &testkit::TestApp) -> String {
    web::figures(&app.core)
}
