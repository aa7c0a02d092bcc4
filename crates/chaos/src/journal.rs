//! The client's own journal: everything that was asked, and everything that was acknowledged.
//!
//! It is kept outside the server, in memory and line by line in a file, so that whatever happens to the
//! server, what it promised is known. Acknowledged means that an answer of 2xx reached the client.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use testkit::{Value, json};
use tokio::time::Instant;

/// What a client wanted done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A customer, with an idempotency key.
    Customer,
    /// A failed payment that the company reports, with its own id of the event.
    Report,
    /// A failed payment that the provider tells of, signed.
    Webhook,
    /// An account with its organization.
    Account,
    /// A refresh token that was exchanged.
    Refresh,
    /// A payment through the link in a letter.
    Payment,
}

/// One wish, asked as often as it took.
#[derive(Debug, Clone)]
pub struct Deed {
    pub kind: Kind,
    pub asked: u32,
    /// What the first acknowledgement said.
    pub acknowledged: Option<Value>,
}

/// The journal of one world.
pub struct Journal {
    path: PathBuf,
    began: Instant,
    kept: Mutex<Kept>,
}

struct Kept {
    file: File,
    deeds: BTreeMap<String, Deed>,
    /// What no client may ever see: a 500, an answer that changed, a request that hung.
    wrong: Vec<String>,
    slowest: Duration,
}

impl Journal {
    /// A new journal in a file of this name.
    pub fn begin(folder: &Path, name: &str) -> Self {
        let path = folder.join(format!("{name}.jsonl"));
        let file = File::create(&path).expect("the journal's file can be made");
        let kept = Kept { file, deeds: BTreeMap::new(), wrong: Vec::new(), slowest: Duration::ZERO };
        Self { path, began: Instant::now(), kept: Mutex::new(kept) }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self, kept: &mut Kept, mut entry: Value) {
        entry["at_ms"] = json!(self.began.elapsed().as_millis() as u64);
        // The disk that is full in one of the faults is the server's own.
        writeln!(kept.file, "{entry}").expect("the journal can be written");
    }

    /// Says what happens outside: a kill, a start.
    pub fn note(&self, what: &str) {
        self.line(&mut self.kept(), json!({"note": what}));
    }

    /// Writes down that something is about to be asked.
    pub fn asked(&self, kind: Kind, key: &str) {
        let mut kept = self.kept();
        kept.deeds.entry(key.to_owned()).or_insert(Deed { kind, asked: 0, acknowledged: None }).asked += 1;
        self.line(&mut kept, json!({"asked": format!("{kind:?}"), "key": key}));
    }

    /// Writes down that it was done. A second acknowledgement must say the same.
    pub fn acknowledged(&self, key: &str, said: Value) {
        let mut kept = self.kept();
        self.line(&mut kept, json!({"acknowledged": key, "said": said}));
        let Some(deed) = kept.deeds.get_mut(key) else { return };
        match deed.acknowledged.clone() {
            None => deed.acknowledged = Some(said),
            Some(first) if first == said => {}
            Some(first) => kept.wrong.push(format!("{key} was acknowledged as {first} and then as {said}")),
        }
    }

    /// Writes down what must never be seen.
    pub fn wrong(&self, what: String) {
        let mut kept = self.kept();
        self.line(&mut kept, json!({"wrong": what}));
        kept.wrong.push(what);
    }

    /// Takes what was wrong since the last time.
    pub fn take_wrong(&self) -> Vec<String> {
        std::mem::take(&mut self.kept().wrong)
    }

    /// Remembers how long a client waited for an answer.
    pub fn waited(&self, time: Duration) {
        let mut kept = self.kept();
        kept.slowest = kept.slowest.max(time);
    }

    /// The longest wait since the last time that somebody asked.
    pub fn take_slowest(&self) -> Duration {
        std::mem::take(&mut self.kept().slowest)
    }

    /// The deeds of a kind with their keys.
    pub fn deeds(&self, kind: Kind) -> Vec<(String, Deed)> {
        self.kept().deeds.iter().filter(|(_, deed)| deed.kind == kind).map(|(key, deed)| (key.clone(), deed.clone())).collect()
    }

    /// How many deeds were acknowledged.
    pub fn count(&self) -> u64 {
        self.kept().deeds.values().filter(|deed| deed.acknowledged.is_some()).count() as u64
    }
}
