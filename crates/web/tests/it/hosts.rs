//! Which host a request names, and that no mail ever repeats it.

use testkit::{TestApp, json};

use crate::app;
use crate::said::{sends, single};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_names_one_host() {
    let app = app().await;
    for head in [
        "GET /signin HTTP/1.1\r\n",
        "GET /livez HTTP/1.1\r\n",
        "GET /signin HTTP/1.0\r\n",
        "GET /signin HTTP/1.1\r\nHost: a\r\nHost: a\r\n",
        "GET /signin HTTP/1.1\r\nHost: a\r\nHost: b\r\n",
        "GET /signin HTTP/1.1\r\nHost: \r\n",
        "GET /signin HTTP/1.1\r\nHost: user@a\r\n",
        "GET /signin HTTP/1.1\r\nHost: a b\r\n",
        "GET /signin HTTP/1.1\r\nHost: a/b\r\n",
        "GET /signin HTTP/1.1\r\nHost: a:b\r\n",
        "GET /signin HTTP/1.1\r\nHost: a, b\r\n",
        "GET /signin HTTP/1.1\r\nHost: \u{e9}.test\r\n",
        "GET http://b/signin HTTP/1.1\r\nHost: a\r\n",
        "GET http://b/signin HTTP/1.1\r\n",
        "GET http://a@b/signin HTTP/1.1\r\nHost: b\r\n",
    ] {
        let said = single(&app, format!("{head}\r\nGET /livez HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        said.refused(400, "malformed_request");
        assert_eq!(said.header("connection"), "close", "{head:?}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_may_speak_http_1_0() {
    let app = app().await;
    assert_eq!(single(&app, "GET /livez HTTP/1.0\r\n\r\n").await.status, 200);
    assert_eq!(single(&app, "GET http://a:80/livez HTTP/1.1\r\nHost: A:80\r\nConnection: close\r\n\r\n").await.status, 200);
    app.finish().await;
}

/// Whatever a stranger says about where we are, links say what the settings say.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_never_repeats_a_host_that_somebody_named() {
    let app = app().await;
    app.alice().await;
    let lies = "X-Forwarded-Host: evil.test\r\nX-Original-Host: evil.test\r\nX-Host: evil.test\r\nForwarded: host=evil.test;proto=https\r\nX-Forwarded-Proto: https\r\n";
    for target in ["/v1/auth/password/forgot", "http://evil.test/v1/auth/password/forgot"] {
        asks(&app, target, lies).await;
        let mail = app.mail_to("alice@acme.test").await;
        assert!(!mail.to_string().contains("evil.test"), "{mail}");
        let links = mail["links"].as_array().expect("links");
        assert!(!links.is_empty() && links.iter().all(|link| link.as_str().is_some_and(|link| link.starts_with(&app.base))), "{links:?}");
        app.advance(chrono::Duration::hours(1)).await;
    }
    app.finish().await;
}

async fn asks(app: &TestApp, target: &str, lies: &str) {
    let body = json!({"email": "alice@acme.test"}).to_string();
    let length = body.len();
    let bytes = format!(
        "POST {target} HTTP/1.1\r\nHost: evil.test\r\n{lies}Content-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    assert_eq!(sends(app, bytes).await[0].status, 200);
}
