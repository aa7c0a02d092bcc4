//! Too long, too many, too large: each has its own status.

use tokio::io::AsyncWriteExt as _;

use crate::app;
use crate::said::{connect, rest, single};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_is_too_long_is_told_so() {
    let app = app().await;
    let long = "a".repeat(9_000);
    single(&app, format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n")).await.refused(414, "uri_too_long");
    single(&app, format!("GET /{long}")).await.refused(414, "uri_too_long");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_that_are_too_many_or_too_large_are_told_so() {
    let app = app().await;
    for headers in [format!("X: {}\r\n", "a".repeat(40_000)), "X: a\r\n".repeat(101)] {
        single(&app, format!("GET /livez HTTP/1.1\r\nHost: a\r\n{headers}\r\n")).await.refused(431, "headers_too_large");
    }
    app.finish().await;
}

/// The sender of a large body reads why it is not taken, though it is still sending.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chunked_body_that_is_too_large_is_told_so() {
    let app = app().await;
    let (mut reads, mut writes) = connect(&app).await.into_split();
    let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
    let head = "POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let sending = async {
        writes.write_all(head.as_bytes()).await?;
        for _ in 0..40 {
            writes.write_all(chunk.as_bytes()).await?;
        }
        writes.write_all(b"0\r\n\r\n").await
    };
    let mut answer = vec![];
    let reading = tokio::io::AsyncReadExt::read_to_end(&mut reads, &mut answer);
    let (_, read) = tokio::join!(sending, reading);
    read.expect("an answer");
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("payload_too_large"), "{answer}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_announced_body_that_is_too_large_is_refused_before_it_comes() {
    let app = app().await;
    let mut socket = connect(&app).await;
    let head = "POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 3000000\r\n\r\n";
    socket.write_all(head.as_bytes()).await.expect("it reads");
    rest(&mut socket).await[0].refused(413, "payload_too_large");
    app.finish().await;
}
