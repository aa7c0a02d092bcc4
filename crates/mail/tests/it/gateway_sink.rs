//! A mail gateway that answers as a story wants, and remembers what it was sent.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// What both sides know.
pub const SECRET: &str = "canary-shared-with-the-gateway";
/// Who we are there.
pub const API_KEY: &str = "canary-key-of-the-gateway";

pub struct GatewaySink {
    pub url: String,
    seen: Shared,
    server: AbortHandle,
}

type Shared = Arc<Mutex<Seen>>;

#[derive(Default)]
struct Seen {
    /// Answers to the next letters; afterwards all are welcome.
    answers: VecDeque<u16>,
    posts: Vec<Post>,
}

/// One request as it came over the wire.
#[derive(Clone)]
pub struct Post {
    pub headers: HeaderMap,
    pub raw: Bytes,
}

impl GatewaySink {
    pub async fn start(answers: &[u16]) -> Self {
        let seen = Shared::new(Mutex::new(Seen { answers: answers.iter().copied().collect(), posts: Vec::new() }));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/letters", listener.local_addr().expect("an address"));
        let router = Router::new().route("/letters", post(take)).with_state(seen.clone());
        let mut tasks = tokio::task::JoinSet::new();
        let server = tasks.spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        tasks.detach_all();
        Self { url, seen, server }
    }

    pub fn posts(&self) -> Vec<Post> {
        self.seen.lock().expect("no holder of this lock panics").posts.clone()
    }
}

impl Drop for GatewaySink {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A careless gateway: its answer repeats the letter and our key.
async fn take(State(seen): State<Shared>, headers: HeaderMap, raw: Bytes) -> (StatusCode, String) {
    let mut seen = seen.lock().expect("no holder of this lock panics");
    let status = seen.answers.pop_front().unwrap_or(202);
    let told = format!("{API_KEY}: {}", String::from_utf8_lossy(&raw));
    seen.posts.push(Post { headers, raw });
    (StatusCode::from_u16(status).expect("a status"), told)
}

impl Post {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("{name} is missing")).to_str().expect("text")
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.raw).expect("JSON")
    }

    /// The check of docs/mail-gateway.md.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let (at, signature) = self.header("x-signature").strip_prefix("t=").and_then(|rest| rest.split_once(",v1=")).expect("both parts");
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
        mac.update(&[at.as_bytes(), b".", &self.raw].concat());
        mac.verify_slice(&hex::decode(signature).expect("hex")).is_ok()
    }
}
