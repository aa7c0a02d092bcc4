//! The edge, over raw sockets.

use std::time::Duration;

use testkit::{Options, TestApp, TestEngine};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Far more than the second that the settings below allow.
const PATIENCE: Duration = Duration::from_secs(10);

async fn app() -> TestApp {
    let options = Options { settings: vec![("server.header_read_timeout_s".into(), "1".into())], ..Options::default() };
    TestApp::start_with(TestEngine::Sqlite, testkit::rooms(), options).await
}

/// What comes back for these bytes until the server closes; fails when it doesn't.
async fn sends(app: &TestApp, bytes: &[u8]) -> String {
    let address = app.base.trim_start_matches("http://");
    let mut socket = TcpStream::connect(address).await.expect("the server listens");
    socket.write_all(bytes).await.expect("the server reads");
    let mut answer = vec![];
    let ended = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut answer)).await;
    ended.expect("the server closes").expect("a readable answer");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_says_nothing_is_closed() {
    let app = app().await;
    assert_eq!(sends(&app, b"").await, "");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_sent_header_is_not_waited_for() {
    let app = app().await;
    let answer = sends(&app, b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: ").await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_served_connection_is_answered() {
    let app = app().await;
    let answer = sends(&app, b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    app.finish().await;
}
