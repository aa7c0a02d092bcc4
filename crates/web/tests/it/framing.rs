//! One request has one reading, or none.

use testkit::{TestApp, json};
use tokio::io::AsyncWriteExt as _;

use crate::app;
use crate::said::{Said, connect, rest, sends, single, until};

/// What somebody wants to slip through behind a request that two programs read differently.
const SMUGGLED: &str = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n";
const LOGIN: &str = "/v1/auth/login";

/// A POST with these headers and whatever follows them.
fn post(headers: &str, rest: &str) -> String {
    format!("POST {LOGIN} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n{headers}\r\n{rest}")
}

/// Refused, and nothing behind it is answered.
async fn is_refused(app: &TestApp, bytes: String) {
    let said = single(app, format!("{bytes}{SMUGGLED}")).await;
    said.refused(400, "malformed_request");
    assert_eq!(said.header("connection"), "close", "{bytes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_with_two_lengths_is_refused() {
    let app = app().await;
    for headers in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: \r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: \x0bchunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    ] {
        is_refused(&app, post(headers, "0\r\n\r\n")).await;
    }
    is_refused(&app, post("Transfer-Encoding: chunked\r\n", "0\r\n\r\n").replace("HTTP/1.1", "HTTP/1.0")).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_is_not_http_is_refused() {
    let app = app().await;
    for head in [
        "GET /livez HTTP/1.1\nHost: a\n\n",
        "GET /livez HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
        "GET /livez HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n",
        "GET /livez HTTP/1.1\r\nHost: a\r\n X: b\r\n\r\n",
        "GET /livez HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET /livez HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
        "GET /livez HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
        "GET /livez HTTP/2.0\r\nHost: a\r\n\r\n",
        "GET /livez\r\nHost: a\r\n\r\n",
        "GET /live z HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /livez#a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET livez HTTP/1.1\r\nHost: a\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
        "\x16\x03\x01\x02\0\x01\0\r\n\r\n",
    ] {
        is_refused(&app, head.to_owned()).await;
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chunks_that_are_none_are_refused() {
    let app = app().await;
    for body in [
        "x\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "0\r\nX: a\n\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
    ] {
        let said = single(&app, format!("{}{SMUGGLED}", post("Transfer-Encoding: chunked\r\n", body))).await;
        said.refused(400, "malformed_request");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_head_gets_the_words_that_it_asks_for() {
    let app = app().await;
    let said = single(&app, "GET / HTTP/1.1\r\nAccept: application/problem+json\r\nHost : a\r\n\r\n").await;
    said.is_dressed();
    assert_eq!((said.status, said.header("content-type")), (400, "application/problem+json"));
    assert_eq!(said.json()["code"], "malformed_request", "{said:?}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_on_one_connection_are_answered_in_turn() {
    let app = app().await;
    let wrong = json!({"email": "nobody@x.test", "password": "not-a-Right-0ne"}).to_string();
    let plain = post(&format!("Content-Length: {}\r\n", wrong.len()), &wrong);
    let chunked = post("Transfer-Encoding: chunked\r\n", &format!("{:x};a=b\r\n{wrong}\r\n0\r\nX-Trailer: 1\r\n\r\n", wrong.len()));
    let last = "GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let said = sends(&app, format!("{SMUGGLED}{plain}{chunked}\r\n{SMUGGLED}{last}")).await;
    assert_eq!(said.iter().map(|said| said.status).collect::<Vec<_>>(), [200, 401, 401, 200, 200], "{said:?}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn good_requests_before_a_refused_one_are_answered() {
    let app = app().await;
    let said = sends(&app, format!("{SMUGGLED}{SMUGGLED}GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n{SMUGGLED}")).await;
    assert_eq!(said.iter().map(|said| said.status).collect::<Vec<_>>(), [200, 200, 400], "{said:?}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_in_single_bytes_is_the_same_request() {
    let app = app().await;
    let mut socket = connect(&app).await;
    socket.set_nodelay(true).expect("a socket");
    for byte in format!(
        "{}{}",
        post("Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"),
        SMUGGLED.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
    )
    .bytes()
    {
        socket.write_all(&[byte]).await.expect("the server reads");
    }
    let said: Vec<Said> = rest(&mut socket).await;
    assert_eq!(said.iter().map(|said| said.status).collect::<Vec<_>>(), [422, 200], "{said:?}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_to_be_asked_is_asked() {
    let app = app().await;
    let mut socket = connect(&app).await;
    socket.write_all(post("Content-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n", "").as_bytes()).await.expect("it reads");
    until(&mut socket, "HTTP/1.1 100 Continue\r\n\r\n").await;
    socket.write_all(b"{}").await.expect("it reads");
    rest(&mut socket).await[0].refused(422, "validation_failed");
    app.finish().await;
}
