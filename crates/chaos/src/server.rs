//! A program that runs until it is stopped.

use std::time::Duration;

use testkit::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::Somebody;

/// The budget for being ready is 300 ms; this is for a machine that builds and tests beside.
const START_MAX: Duration = Duration::from_secs(30);
/// Longer than the program itself waits for work under way.
const END_MAX: Duration = Duration::from_secs(30);

/// A running process.
pub struct Server {
    /// Its address, without a slash at the end; empty until it listens on a port of its own choice.
    pub base: String,
    child: Child,
    log: watch::Receiver<Vec<String>>,
    talk: watch::Receiver<Vec<String>>,
    readers: JoinSet<()>,
}

impl Server {
    pub fn start(mut command: Command, base: &str) -> Self {
        let mut child = command.spawn().expect("the program starts");
        let mut readers = JoinSet::new();
        let log = kept(&mut readers, child.stdout.take().expect("it is piped"));
        let talk = kept(&mut readers, child.stderr.take().expect("it is piped"));
        Self { base: base.to_owned(), child, log, talk, readers }
    }

    /// The same once it listens.
    pub async fn ready(mut self) -> Self {
        self.listens().await;
        self
    }

    /// Waits until it listens. The address of one that was started without it is the one it tells.
    pub async fn listens(&mut self) {
        self.saw("server.ready").await;
        if self.base.is_empty() {
            let ready = self.log().into_iter().find(|line| line["event"] == "server.ready").expect("it was seen");
            self.base = format!("http://{}", ready["address"].as_str().expect("an address"));
        }
    }

    /// Waits for a log line with this event; the process must not end before.
    pub async fn saw(&mut self, event: &str) {
        let wanted = format!("\"event\":\"{event}\"");
        let seen = timeout(START_MAX, self.log.wait_for(|lines| lines.iter().any(|line| line.contains(&wanted)))).await;
        let seen = seen.is_ok_and(|open| open.is_ok());
        assert!(seen, "never saw {event}\nstdout: {:#?}\nstderr: {:#?}", *self.log.borrow(), *self.talk.borrow());
    }

    /// Waits until it has said these words on stderr, which has an order of its own beside the log.
    pub async fn says(&mut self, words: &str) {
        let said = timeout(START_MAX, self.talk.wait_for(|lines| lines.iter().any(|line| line.contains(words)))).await;
        let said = said.is_ok_and(|open| open.is_ok());
        assert!(said, "it never says {words:?}: {}", self.talk());
    }

    /// What it logged so far. The last line of a process that was killed may be torn, and is left out.
    pub fn log(&self) -> Vec<Value> {
        self.log.borrow().iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// What it said on stderr so far.
    pub fn talk(&self) -> String {
        self.talk.borrow().join("\n")
    }

    /// How often an event was logged.
    pub fn count(&self, event: &str) -> usize {
        self.log().iter().filter(|line| line["event"] == event).count()
    }

    pub fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Sends a signal, `TERM` or `STOP` and the like.
    pub async fn signal(&self, name: &str) {
        let script = format!("kill -{name} {}", self.pid());
        let sent = Command::new("sh").args(["-c", &script]).status().await.expect("a shell");
        assert!(sent.success(), "{script}");
    }

    /// Waits for the end; its exit code, or `None` when a signal ended it.
    pub async fn ended(&mut self) -> Option<i32> {
        let status = timeout(END_MAX, self.child.wait()).await.expect("the process ends").expect("its status");
        while self.readers.join_next().await.is_some() {}
        status.code()
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("its status").is_none()
    }

    /// Ends it as an operator would; what it logged, all of it JSON.
    pub async fn stop(&mut self) -> Vec<Value> {
        self.signal("TERM").await;
        assert_eq!(self.ended().await, Some(0), "{}", self.talk());
        let log = self.log();
        assert_eq!(log.len(), self.log.borrow().len(), "not every line is JSON: {:#?}", *self.log.borrow());
        log
    }

    /// Ends it in the middle of whatever it does.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("it runs");
        self.ended().await;
    }

    /// Somebody without any proof.
    pub fn somebody(&self) -> Somebody {
        Somebody::at(&self.base)
    }
}

/// Keeps the lines of a stream.
fn kept(readers: &mut JoinSet<()>, stream: impl AsyncRead + Send + Unpin + 'static) -> watch::Receiver<Vec<String>> {
    let (sender, lines) = watch::channel(Vec::new());
    readers.spawn(async move {
        let mut read = BufReader::new(stream).lines();
        while let Ok(Some(line)) = read.next_line().await {
            sender.send_modify(|lines: &mut Vec<String>| lines.push(line));
        }
    });
    lines
}
