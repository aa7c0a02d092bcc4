//! The side that all replicas share: a Valkey or Redis.
//!
//! There is a line to it, or there is none. Whoever asks waits for at most `timeout`; an answer that
//! is late or wrong cuts the line, and from then on nobody waits until a probe of our own, which
//! writes and is answered in time, has laid a new one. So a server that hangs costs each request that
//! was under way one timeout, and every later one nothing.

use std::fmt;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use futures::StreamExt as _;
use kernel::{At, Secret, chance};
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands as _, AsyncConnectionConfig, Client, Msg, RedisResult, Script};
use tokio::sync::{Notify, mpsc};
use tokio::time::{sleep, timeout};

use super::news::News;
use super::window::{Counted, Window};

/// Laying a line: longer than a TLS handshake across a continent.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Between two probes of a server that is away.
const PROBE_PAUSE: Duration = Duration::from_millis(500);
/// How often the line on which news arrive is asked for a sign of life, as it may be silent for long.
const LISTENING_EVERY: Duration = Duration::from_secs(2);
/// News that wait to be told; while the server is away they are given up.
const OUTBOX_MAX: usize = 1024;
/// News that go out at once.
const BATCH_MAX: usize = 64;
/// How long the server keeps what is over by our clock: expiries are instants of ours, and this only
/// tidies up.
const TIDY_AFTER: chrono::Duration = chrono::Duration::minutes(1);

const COUNT: &str = include_str!("count.lua");

/// Which server, and how patiently it is asked.
#[derive(Clone)]
pub struct Valkey {
    client: Client,
    prefix: String,
    timeout: Duration,
}

impl Valkey {
    /// A server at `redis://`, `rediss://` (TLS), `valkey://`, `valkeys://` or `unix:///path`; what
    /// every key and channel begins with; and how long an answer is waited for. `Err` says why the
    /// address is none. Nothing is asked yet.
    pub fn new(url: &Secret, prefix: impl Into<String>, timeout: Duration) -> Result<Self, String> {
        let client = Client::open(url.expose()).map_err(|error| error.to_string())?;
        Ok(Self { client, prefix: prefix.into(), timeout })
    }

    /// Whether it answers, in time; `Err` says why not. Writes nothing.
    pub async fn knock(&self) -> Result<(), String> {
        let config = AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT_TIMEOUT)).set_response_timeout(Some(CONNECT_TIMEOUT));
        let mut connection = within(CONNECT_TIMEOUT, self.client.get_multiplexed_async_connection_with_config(&config)).await?;
        within(self.timeout, connection.ping::<String>()).await.map(drop)
    }
}

impl fmt::Debug for Valkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the address: it may carry a password.
        write!(f, "Valkey({})", self.prefix)
    }
}

/// The server has no answer: it is away, or it is taken for away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Away;

pub(super) struct Server {
    valkey: Valkey,
    line: RwLock<Line>,
    /// Wakes the probe when the line is cut.
    cut: Notify,
    count: Script,
    /// Names this process in what it tells.
    sender: String,
    outbox: mpsc::Sender<Note>,
    /// Taken by whoever serves.
    to_tell: Mutex<Option<mpsc::Receiver<Note>>>,
}

/// A line and its number: an answer that comes late on an old one must not cut the new one.
#[derive(Default)]
struct Line {
    number: u64,
    connection: Option<MultiplexedConnection>,
}

#[derive(Debug, PartialEq, Eq)]
struct Note {
    topic: &'static str,
    text: String,
}

impl Server {
    pub fn new(valkey: Valkey) -> Self {
        let (outbox, to_tell) = mpsc::channel(OUTBOX_MAX);
        Self {
            valkey,
            line: RwLock::default(),
            cut: Notify::new(),
            count: Script::new(COUNT),
            sender: hex::encode(chance::bytes::<8>()),
            outbox,
            to_tell: Mutex::new(Some(to_tell)),
        }
    }

    pub async fn get(&self, key: &str, now: At) -> Result<Option<String>, Away> {
        let key = self.value_key(key);
        let kept: Option<String> = self.ask(|mut line| async move { line.get(key).await }).await?;
        Ok(kept.and_then(|kept| living(&kept, now).map(str::to_owned)))
    }

    pub async fn put(&self, key: &str, value: &str, until: At, now: At) -> Result<(), Away> {
        // What has ended already is kept for a moment: that costs less than asking.
        let lifetime_ms = (until - now).max(chrono::Duration::zero()) + TIDY_AFTER;
        let lifetime_ms = lifetime_ms.num_milliseconds().unsigned_abs();
        let (key, kept) = (self.value_key(key), format!("{} {value}", until.timestamp_micros()));
        self.ask(|mut line| async move { line.pset_ex(key, kept, lifetime_ms).await }).await
    }

    pub async fn delete(&self, key: &str) -> Result<(), Away> {
        let key = self.value_key(key);
        self.ask(|mut line| async move { line.del(key).await }).await
    }

    /// All windows in one round trip.
    pub async fn count(&self, windows: &[Window], now: At) -> Result<Vec<Counted>, Away> {
        let mut call = self.count.prepare_invoke();
        call.arg(now.timestamp_millis());
        for window in windows {
            call.key(format!("{}:count:{}:{:032x}", self.valkey.prefix, window.scope, window.whose));
            call.arg(window.length.num_milliseconds());
        }
        let told: Vec<i64> = self.ask(|mut line| async move { call.invoke_async(&mut line).await }).await?;
        let counted = |pair: &[i64; 2]| Some(Counted { count: u64::try_from(pair[0]).ok()?, ends_at: At::from_timestamp_millis(pair[1])? });
        told.as_chunks::<2>().0.iter().map(counted).collect::<Option<_>>().ok_or(Away)
    }

    /// Puts a note into the outbox. A full one means that the server is away, and then nobody hears.
    pub fn tell(&self, topic: &'static str, text: &str) {
        if self.outbox.try_send(Note { topic, text: text.to_owned() }).is_err() {
            tracing::debug!(event = "store.news_dropped", topic, "news for the other processes were given up");
        }
    }

    /// Whether it answers now.
    pub async fn answers(&self) -> bool {
        self.ask(|mut line| async move { line.ping::<()>().await }).await.is_ok()
    }

    pub async fn serve(&self, news: &News) {
        tokio::join!(self.keep_a_line(), self.tell_news(), self.hear_news(news));
    }

    fn value_key(&self, key: &str) -> String {
        format!("{}:value:{key}", self.valkey.prefix)
    }

    fn channel(&self) -> String {
        format!("{}:news", self.valkey.prefix)
    }

    /// Asks, if there is a line; an answer that is late or wrong cuts it.
    async fn ask<T, F>(&self, question: impl FnOnce(MultiplexedConnection) -> F) -> Result<T, Away>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let (number, connection) = {
            let line = self.line.read().unwrap_or_else(PoisonError::into_inner);
            (line.number, line.connection.clone().ok_or(Away)?)
        };
        within(self.valkey.timeout, question(connection)).await.map_err(|why| {
            self.cut(number, &why);
            Away
        })
    }

    fn cut(&self, number: u64, why: &str) {
        let mut line = self.line.write().unwrap_or_else(PoisonError::into_inner);
        if line.number == number && line.connection.take().is_some() {
            tracing::warn!(event = "store.valkey_away", cause = why, "Valkey is away; this process goes on with its own memory");
            self.cut.notify_one();
        }
    }

    /// Lays a line whenever there is none.
    async fn keep_a_line(&self) {
        let mut told = false;
        loop {
            match self.lay().await {
                Ok(connection) => {
                    {
                        let mut line = self.line.write().unwrap_or_else(PoisonError::into_inner);
                        *line = Line { number: line.number + 1, connection: Some(connection) };
                    }
                    tracing::info!(event = "store.valkey_here", "Valkey is here; counts, caches and news are shared");
                    self.cut.notified().await;
                    told = true;
                }
                Err(why) if !told => {
                    tracing::warn!(event = "store.valkey_away", cause = why, "Valkey is away; this process goes on with its own memory");
                    told = true;
                }
                Err(why) => tracing::debug!(event = "store.valkey_still_away", cause = why, "Valkey is still away"),
            }
            sleep(PROBE_PAUSE).await;
        }
    }

    /// A connection on which a write was answered in time: a server that is full, read-only or slow is
    /// as good as away.
    async fn lay(&self) -> Result<MultiplexedConnection, String> {
        let config = AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT_TIMEOUT)).set_response_timeout(Some(CONNECT_TIMEOUT));
        let connecting = self.valkey.client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = within(CONNECT_TIMEOUT, connecting).await?;
        let lifetime_ms = TIDY_AFTER.num_milliseconds().unsigned_abs();
        let probe = connection.pset_ex::<_, _, ()>(format!("{}:probe", self.valkey.prefix), &self.sender, lifetime_ms);
        within(self.valkey.timeout, probe).await?;
        Ok(connection)
    }

    /// Tells what is in the outbox; what is there twice is told once.
    async fn tell_news(&self) {
        let Some(mut to_tell) = self.to_tell.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        while let Some(first) = to_tell.recv().await {
            let mut batch = vec![first];
            while batch.len() < BATCH_MAX
                && let Ok(next) = to_tell.try_recv()
            {
                if !batch.contains(&next) {
                    batch.push(next);
                }
            }
            let channel = self.channel();
            let mut notes = redis::pipe();
            for note in batch {
                notes.publish(&channel, format!("{}\n{}\n{}", self.sender, note.topic, note.text)).ignore();
            }
            // While it is away nobody hears: whoever comes back takes that for a gap.
            self.ask(|mut line| async move { notes.exec_async(&mut line).await }).await.ok();
        }
    }

    async fn hear_news(&self, news: &News) {
        loop {
            if let Err(why) = self.listen(news).await {
                tracing::debug!(event = "store.valkey_not_heard", cause = why, "news of other processes are not heard");
            }
            sleep(PROBE_PAUSE).await;
        }
    }

    /// Listens until the line breaks. Each new one begins with a gap, as something may have been told
    /// before it was laid.
    async fn listen(&self, news: &News) -> Result<(), String> {
        let mut line = within(CONNECT_TIMEOUT, self.valkey.client.get_async_pubsub()).await?;
        within(CONNECT_TIMEOUT, line.subscribe(self.channel())).await?;
        news.missed();
        let (mut control, mut messages) = line.split();
        loop {
            match timeout(LISTENING_EVERY, messages.next()).await {
                Ok(Some(message)) => self.heard(&message, news),
                Ok(None) => return Ok(()),
                Err(_) => within(CONNECT_TIMEOUT, control.ping()).await?,
            }
        }
    }

    fn heard(&self, message: &Msg, news: &News) {
        let Ok(text) = message.get_payload::<String>() else { return };
        let mut parts = text.splitn(3, '\n');
        if let (Some(sender), Some(topic), Some(text)) = (parts.next(), parts.next(), parts.next())
            && sender != self.sender
        {
            news.told(topic, text);
        }
    }
}

/// What the server says to a question, or why it is as good as away.
async fn within<T>(patience: Duration, question: impl Future<Output = RedisResult<T>>) -> Result<T, String> {
    match timeout(patience, question).await {
        Ok(said) => said.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} ms", patience.as_millis())),
    }
}

/// The value in `1772366400000000 value`, if that instant is still to come.
fn living(kept: &str, now: At) -> Option<&str> {
    let (until, value) = kept.split_once(' ')?;
    let until = At::from_timestamp_micros(until.parse().ok()?)?;
    (until > now).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_value_is_judged_by_our_clock() {
        let noon: At = "2026-03-01T12:00:00Z".parse().unwrap();
        let kept = format!("{} two words", noon.timestamp_micros());
        assert_eq!(living(&kept, noon - chrono::Duration::microseconds(1)), Some("two words"));
        assert_eq!(living(&kept, noon), None);
        assert_eq!(living("nonsense", noon), None, "somebody else's value");
    }

    #[test]
    fn an_address_that_is_none_is_refused() {
        let new = |url: &str| Valkey::new(&Secret::new(url), "a", Duration::from_millis(50));
        assert!(new("http://localhost").is_err());
        for url in ["redis://localhost", "rediss://user:word@cache.example:6380/2", "valkey://localhost:6379", "unix:///run/valkey.sock"] {
            assert!(new(url).is_ok(), "{url}");
        }
    }
}
