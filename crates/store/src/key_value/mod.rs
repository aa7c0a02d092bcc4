//! The key-value side: what may be lost at any moment. Texts by key until an instant, counting
//! within windows of time, and news for the other processes.
//!
//! It lives in this process, and, where a Valkey or Redis is configured, in that server, so that all
//! replicas share it. The server is a convenience: while it is away, slow or wrong, this process goes
//! on with what it has itself, and nobody waits for it. Nothing that must be remembered belongs here.

mod local;
mod news;
mod server;
mod window;

use std::sync::Arc;

use kernel::{At, Clock};

pub use news::{Ear, Heard};
pub use server::Valkey;
pub use window::{Counted, Window};

use local::Entries;
use news::News;
use server::Server;
use window::Windows;

/// Both sides behind one type; cheap to clone.
#[derive(Clone)]
pub struct KeyValue(Arc<Sides>);

struct Sides {
    clock: Clock,
    entries: Entries,
    windows: Windows,
    news: News,
    server: Option<Server>,
}

impl KeyValue {
    /// Without a server, or with one that is first asked when [`KeyValue::serve`] runs.
    pub fn new(clock: Clock, valkey: Option<Valkey>) -> Self {
        let (entries, windows, news) = Default::default();
        Self(Arc::new(Sides { clock, entries, windows, news, server: valkey.map(Server::new) }))
    }

    /// The value, unless it expired.
    pub async fn get(&self, key: &str) -> Option<String> {
        let now = self.0.clock.now_secure();
        if let Some(server) = &self.0.server
            && let Ok(answer) = server.get(key, now).await
        {
            return answer;
        }
        self.0.entries.get(key, now)
    }

    /// Keeps a value until an instant.
    pub async fn put(&self, key: impl Into<String>, value: impl Into<String>, until: At) {
        let (key, value, now) = (key.into(), value.into(), self.0.clock.now_secure());
        if let Some(server) = &self.0.server
            && server.put(&key, &value, until, now).await.is_ok()
        {
            return;
        }
        self.0.entries.put(key, value, until, now);
    }

    /// Forgets a value.
    pub async fn delete(&self, key: &str) {
        if let Some(server) = &self.0.server {
            // One that is away has forgotten more than this when it is back, or its copy runs out.
            server.delete(key).await.ok();
        }
        self.0.entries.delete(key);
    }

    /// Counts one in each of the windows, and says how each stands with it: among all replicas where
    /// a server answers, else in this process alone.
    pub async fn count(&self, windows: &[Window]) -> Vec<Counted> {
        let now = self.0.clock.now_secure();
        if let Some(server) = &self.0.server
            && let Ok(counted) = server.count(windows, now).await
        {
            return counted;
        }
        windows.iter().map(|window| self.0.windows.count(window, now)).collect()
    }

    /// Tells the other processes, as soon as possible and without waiting. What they miss has to be
    /// found out by other means within a time that is good enough.
    pub fn tell(&self, topic: &'static str, text: &str) {
        if let Some(server) = &self.0.server {
            server.tell(topic, text);
        }
    }

    /// Hears what other processes tell about a topic from now on.
    pub fn hear(&self, topic: &'static str) -> Ear {
        self.0.news.hear(topic)
    }

    /// Keeps the connection to the server, and hears and tells news, for as long as it is polled.
    /// Without a server it never ends and does nothing.
    pub async fn serve(&self) {
        match &self.0.server {
            Some(server) => server.serve(&self.0.news).await,
            None => std::future::pending().await,
        }
    }

    /// Whether a server answers, so that what is kept here is shared by all replicas.
    pub async fn is_shared(&self) -> bool {
        match &self.0.server {
            Some(server) => server.answers().await,
            None => false,
        }
    }
}
