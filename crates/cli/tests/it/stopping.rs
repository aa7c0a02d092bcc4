//! SIGTERM drains; a second one forces.

use std::time::Duration;

use testkit::PASSWORD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::place::on_both;
use crate::somebody::until;
use crate::{Place, Server};

/// A request that the server has begun to read and that is not whole yet.
struct UnderWay {
    stream: TcpStream,
    rest: String,
}

impl UnderWay {
    /// Sends the head and waits until the server asks for the body.
    async fn begin(server: &Server) -> Self {
        let address = server.base.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        let rest = format!("{{\"email\":\"ada@acme.test\",\"password\":\"{PASSWORD}\"}}");
        let head = format!(
            "POST /v1/auth/login HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             expect: 100-continue\r\n\r\n",
            rest.len()
        );
        stream.write_all(head.as_bytes()).await.expect("it reads");
        let mut answer = [0; 64];
        let read = stream.read(&mut answer).await.expect("it answers");
        assert!(answer[..read].starts_with(b"HTTP/1.1 100 "), "{}", String::from_utf8_lossy(&answer[..read]));
        Self { stream, rest }
    }

    /// Sends the rest; the whole answer.
    async fn finish(mut self) -> String {
        self.stream.write_all(self.rest.as_bytes()).await.expect("it still reads");
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer).await.expect("a whole answer, and then the end");
        answer
    }
}

/// Waits until nobody new is let in.
async fn is_closed(server: &Server) {
    let address = server.base.trim_start_matches("http://").to_owned();
    let closed = until(Duration::from_secs(10), async || TcpStream::connect(&address).await.err()).await;
    assert!(closed.is_some(), "it still takes new connections");
}

on_both! {
    async fn a_request_under_way_is_finished_before_the_end(place: Place) {
        let mut server = place.serve().await;
        server.somebody().sign_up("ada@acme.test", "Acme").await;
        let under_way = UnderWay::begin(&server).await;
        server.signal("TERM").await;
        server.saw("server.stopping").await;
        is_closed(&server).await;
        assert!(server.runs());
        let answer = under_way.finish().await;
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("access_token"), "{answer}");
        assert_eq!(server.ended().await, Some(0), "{}", server.talk());
        let signed_in = server.log().into_iter().find(|line| line["path"] == "/v1/auth/login").expect("it is logged");
        assert_eq!(signed_in["status_code"], 200);
    }

    async fn whoever_was_let_in_before_the_signal_is_answered(place: Place) {
        let mut server = place.serve().await;
        let address = server.base.trim_start_matches("http://").to_owned();
        let mut let_in = Vec::new();
        for _ in 0..50 {
            let_in.push(TcpStream::connect(&address).await.expect("it listens"));
        }
        server.signal("TERM").await;
        let request = format!("GET /livez HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        for stream in &mut let_in {
            stream.write_all(request.as_bytes()).await.expect("it reads");
        }
        for mut stream in let_in {
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.expect("a whole answer, and then the end");
            assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        }
        assert_eq!(server.ended().await, Some(0), "{}", server.talk());
    }

    async fn a_second_signal_does_not_wait(place: Place) {
        for (first, second) in [("TERM", "TERM"), ("INT", "TERM"), ("TERM", "INT")] {
            let mut server = place.serve().await;
            let under_way = UnderWay::begin(&server).await;
            server.signal(first).await;
            server.saw("server.stopping").await;
            is_closed(&server).await;
            assert!(server.runs(), "the first signal waits");
            server.signal(second).await;
            assert_eq!(server.ended().await, Some(1), "{}", server.talk());
            assert!(server.talk().contains("before all work was finished"), "{}", server.talk());
            drop(under_way);
        }
        place.serve().await.stop().await;
    }
}

#[tokio::test]
async fn a_signal_is_heard_from_the_first_moment_of_being_ready() {
    let place = Place::sqlite();
    for _ in 0..10 {
        place.serve().await.stop().await;
    }
}

#[tokio::test]
async fn a_demo_that_is_interrupted_while_it_is_made_leaves_nothing_behind() {
    let place = Place::sqlite();
    let folder = place.folder().to_str().expect("a path").to_owned();
    let place = place.var("TMPDIR", folder);
    let base = format!("http://127.0.0.1:{}", place.port);
    let mut demo = Server::start(place.command(&["demo", "--no-open", "--port", &place.port.to_string()]), &base);
    demo.says("are being made").await;
    demo.signal("TERM").await;
    assert_eq!(demo.ended().await, Some(1), "{}", demo.talk());
    assert!(demo.talk().contains("interrupted"), "{}", demo.talk());
    let left: Vec<_> = std::fs::read_dir(place.folder()).expect("a folder").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_the_end() {
    let place = Place::sqlite();
    let mut server = place.serve().await;
    let address = server.base.trim_start_matches("http://").to_owned();
    let silent = TcpStream::connect(&address).await.expect("it listens");
    let mut kept = TcpStream::connect(&address).await.expect("it listens");
    kept.write_all(format!("GET /livez HTTP/1.1\r\nhost: {address}\r\n\r\n").as_bytes()).await.expect("it reads");
    let mut first = [0; 12];
    kept.read_exact(&mut first).await.expect("it answers");
    assert_eq!(&first, b"HTTP/1.1 200");
    let began = tokio::time::Instant::now();
    server.stop().await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    drop((silent, kept));
}
