//! Nobody holds a connection by taking their time.

use std::time::Duration;

use testkit::TestApp;
use tokio::io::AsyncWriteExt as _;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::app;
use crate::said::{connect, rest, sends, single};

/// Far more than the second that is allowed.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_says_nothing_is_closed() {
    let app = app().await;
    assert_eq!(sends(&app, "").await.len(), 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_sent_head_is_not_waited_for() {
    let app = app().await;
    for half in ["GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: ", "GET", "PRI * HTTP/2.0\r\n\r\nS"] {
        let said = single(&app, half).await;
        said.refused(408, "request_timeout");
        assert_eq!(said.header("connection"), "close");
    }
    let said = sends(&app, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /livez HTTP/1.1\r\nHo").await;
    assert_eq!(said.iter().map(|said| said.status).collect::<Vec<_>>(), [200, 408], "also behind a whole one");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let app = app().await;
    for (headers, some) in [
        ("Content-Length: 100", "{\"email\""),
        ("Transfer-Encoding: chunked", "5\r\n{"),
        ("Content-Length: 100\r\nIdempotency-Key: a", "{"),
    ] {
        let bytes = format!("POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n{headers}\r\n\r\n{some}");
        let said = single(&app, bytes).await;
        said.refused(408, "request_timeout");
        assert_eq!(said.header("connection"), "close", "{headers}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_trickles_past_the_time_of_a_request_is_the_senders_fault() {
    let app = crate::configured(&[("server.request_timeout_s", "1")]).await;
    let bytes = "POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{";
    single(&app, bytes).await.refused(408, "request_timeout");
    app.finish().await;
}

/// A reader who asks for far more than fits between two sockets, and takes none of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_not_taken_is_not_kept() {
    let app = app().await;
    let before = app.core.tasks.running();
    let mut socket = connect(&app).await;
    let asks = "GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n".repeat(400);
    socket.write_all(asks.as_bytes()).await.expect("the server reads");
    falls_to(&app, before).await;
    drop(socket);
    app.finish().await;
}

/// Waits until no more tasks run than so many.
async fn falls_to(app: &TestApp, tasks: usize) {
    let mut ticks = interval(Duration::from_millis(20));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let fell = async {
        // The connection has to be there first.
        while app.core.tasks.running() <= tasks {
            ticks.tick().await;
        }
        while app.core.tasks.running() > tasks {
            ticks.tick().await;
        }
    };
    timeout(PATIENCE, fell).await.expect("the connection ends");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_served_connection_is_answered() {
    let app = app().await;
    let mut socket = connect(&app).await;
    socket.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.expect("the server reads");
    assert_eq!(rest(&mut socket).await[0].status, 200);
    app.finish().await;
}
