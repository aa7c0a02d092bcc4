//! Methods: what a route offers, it says.

use crate::app;
use crate::said::{Said, single};

/// One request of somebody without any proof.
async fn asked(app: &testkit::TestApp, method: &str, target: &str) -> Said {
    single(app, format!("{method} {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_method_that_is_not_offered_is_told_which_are() {
    let app = app().await;
    for method in ["TRACE", "PURGE", "PROPFIND", "get", "DELETE"] {
        for (target, offered) in [
            ("/livez", "GET,HEAD,OPTIONS"),
            ("/v1/auth/login", "POST,OPTIONS"),
            ("/signin", "GET,HEAD,POST,OPTIONS"),
            ("/account", "GET,HEAD,OPTIONS"),
        ] {
            let said = asked(&app, method, target).await;
            said.refused(405, "method_not_allowed");
            assert_eq!(said.header("allow"), offered, "{method} {target}");
        }
    }
    asked(&app, "TRACE", "/no-such-page").await.refused(404, "not_found");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_connects_through_us() {
    let app = app().await;
    for target in ["b.test:443", "a:80"] {
        let said = single(&app, format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n")).await;
        said.refused(405, "method_not_allowed");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn options_tells_what_is_offered() {
    let app = app().await;
    for (target, offered) in
        [("/v1/auth/me", "GET,HEAD,PATCH,OPTIONS"), ("/livez", "GET,HEAD,OPTIONS"), ("*", "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS")]
    {
        let said = asked(&app, "OPTIONS", target).await;
        said.is_dressed();
        assert_eq!((said.status, said.header("allow"), said.body.as_str()), (204, offered, ""), "{target}");
    }
    asked(&app, "OPTIONS", "/no-such-page").await.refused(404, "not_found");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn head_is_get_without_its_body() {
    let app = app().await;
    let client = app.alice().await;
    for path in ["/livez", "/v1/auth/me", "/signin", "/openapi.json", "/no-such-page"] {
        let (get, head) = (client.get(path).await, client.send(client.request("HEAD".parse().expect("a method"), path)).await);
        assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        assert_eq!(head.header("x-content-type-options"), "nosniff", "{path}");
    }
    app.finish().await;
}
