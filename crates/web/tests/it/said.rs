//! Talking over a socket, byte by byte.

use std::time::Duration;

use testkit::{DRESS, POLICY, TestApp, Value};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Far more than the second that the settings of these tests allow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// One answer.
#[derive(Debug)]
pub(crate) struct Said {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Said {
    /// The first header of this name; empty when there is none.
    pub fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value).next().unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// Demands a refusal as every other: the envelope, the headers, nothing kept.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) {
        let body = self.json();
        assert_eq!((self.status, body["error"]["code"].as_str()), (status, Some(code)), "{self:?}");
        assert_eq!((&body["success"], &body["data"]), (&Value::Bool(false), &Value::Null), "{self:?}");
        assert_eq!(body["meta"]["request_id"], self.header("x-request-id"), "{self:?}");
        self.is_dressed();
    }

    /// Demands the headers that every answer has, to the letter.
    #[track_caller]
    pub fn is_dressed(&self) {
        for (name, words) in DRESS.into_iter().chain([("content-security-policy", POLICY), ("cache-control", "no-store")]) {
            assert_eq!(self.header(name), words, "{name}: {self:?}");
        }
        assert!(self.header("x-request-id").starts_with("req_"), "{self:?}");
        assert_eq!((self.header("server"), self.header("x-powered-by")), ("", ""), "{self:?}");
    }
}

pub(crate) async fn connect(app: &TestApp) -> TcpStream {
    TcpStream::connect(app.base.trim_start_matches("http://")).await.expect("the server listens")
}

/// Sends these bytes and reads what comes back until the server closes; fails when it doesn't.
pub(crate) async fn sends(app: &TestApp, bytes: impl AsRef<[u8]>) -> Vec<Said> {
    let mut socket = connect(app).await;
    socket.write_all(bytes.as_ref()).await.expect("the server reads");
    rest(&mut socket).await
}

/// Everything until the server closes.
pub(crate) async fn rest(socket: &mut TcpStream) -> Vec<Said> {
    let mut bytes = vec![];
    let ended = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut bytes)).await;
    ended.expect("the server closes").expect("a readable answer");
    answers(&String::from_utf8_lossy(&bytes))
}

/// Reads until this text has come.
pub(crate) async fn until(socket: &mut TcpStream, text: &str) -> String {
    let mut read = String::new();
    while !read.contains(text) {
        let mut bytes = [0; 4096];
        let came = tokio::time::timeout(PATIENCE, socket.read(&mut bytes)).await.expect("in time").expect("readable");
        assert!(came > 0, "it closed after {read:?}");
        read.push_str(&String::from_utf8_lossy(&bytes[..came]));
    }
    read
}

/// One answer, and the connection closes.
pub(crate) async fn single(app: &TestApp, bytes: impl AsRef<[u8]>) -> Said {
    let mut all = sends(app, bytes).await;
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn answers(mut text: &str) -> Vec<Said> {
    let mut all = vec![];
    while !text.is_empty() {
        let (head, after) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("half an answer: {text:?}"));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no answer: {head:?}"));
        let said = Said { status, head: head.to_owned(), body: String::new() };
        let length = said.header("content-length").parse().unwrap_or(0);
        all.push(Said { body: after[..length].to_owned(), ..said });
        text = &after[length..];
    }
    all
}
