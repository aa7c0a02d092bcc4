//! The load: clients that do real things at the same time, ask again what was not answered, and write
//! down what they were promised.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use kernel::{At, Clock};
use reqwest::RequestBuilder;
use testkit::Answer;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::deeds;
use crate::journal::Journal;
use crate::somebody::send;
use crate::world::{Cast, World};
use crate::{Dice, Somebody};

/// Between two deeds of one client: the series is about faults, not about speed, and what is written
/// has to be read again by the judge.
const PAUSE_MAX_MS: u64 = 60;
/// Between two tries of the same request.
const AGAIN: Duration = Duration::from_millis(25);
/// After the load was told to end, what is under way is still asked for so long.
const FINISH_MAX: Duration = Duration::from_secs(30);
/// The server gives up after half a minute; whoever waits longer was forgotten.
const HANG_MAX: Duration = Duration::from_secs(35);
/// Codes of a refusal that says "ask again".
const LATER: [&str; 3] = ["idempotency_key_in_use", "conflict", "rate_limited"];

/// Clients under way.
pub struct Load {
    ending: Arc<AtomicBool>,
    clients: JoinSet<()>,
}

/// One client.
pub(crate) struct Client {
    pub cast: Cast,
    pub journal: Arc<Journal>,
    pub dice: Dice,
    /// Names this client in its keys.
    pub name: String,
    pub number: usize,
    bases: Vec<String>,
    ahead: chrono::Duration,
    ending: Arc<AtomicBool>,
    serial: u64,
}

impl Load {
    /// Lets so many clients loose on the replicas at `bases`.
    pub fn begin(world: &mut World, bases: &[String], clients: usize) -> Self {
        /// No two clients of this process share a name, and with it no key.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let ending = Arc::new(AtomicBool::new(false));
        let mut load = Self { ending: ending.clone(), clients: JoinSet::new() };
        for number in 0..clients {
            let client = Client {
                cast: world.cast.clone(),
                journal: world.journal.clone(),
                dice: world.dice.split(),
                name: format!("c{}", NEXT.fetch_add(1, Ordering::SeqCst)),
                number,
                bases: bases.to_vec(),
                ahead: world.ahead,
                ending: ending.clone(),
                serial: 0,
            };
            load.clients.spawn(client.work());
        }
        load
    }

    /// Lets everybody finish what they have begun.
    pub async fn end(mut self) {
        self.ending.store(true, Ordering::SeqCst);
        while let Some(ended) = self.clients.join_next().await {
            ended.expect("no client panics");
        }
    }
}

impl Client {
    async fn work(mut self) {
        while !self.is_ending() {
            deeds::one(&mut self).await;
            sleep(Duration::from_millis(self.dice.below(PAUSE_MAX_MS))).await;
        }
    }

    pub fn is_ending(&self) -> bool {
        self.ending.load(Ordering::SeqCst)
    }

    /// A name that nobody else uses.
    pub fn key(&mut self, verb: &str) -> String {
        self.serial += 1;
        format!("{verb}-{}-{}", self.name, self.serial)
    }

    pub fn now(&self) -> At {
        Clock::system().now() + self.ahead
    }

    /// `who`, at one of the replicas.
    pub fn at(&mut self, who: &Somebody) -> Somebody {
        let place = usize::try_from(self.dice.below(self.bases.len() as u64)).unwrap_or_default();
        who.toward(&self.bases[place])
    }

    /// Asks once; nothing when the connection broke.
    pub async fn try_once(&mut self, request: RequestBuilder) -> Option<Answer> {
        let began = Instant::now();
        let answer = send(request).await.ok();
        let took = began.elapsed();
        self.journal.waited(took);
        if took > HANG_MAX {
            self.journal.wrong(format!("a request hung for {took:?}"));
        }
        if let Some(answer) = answer.as_ref().filter(|answer| is_fault(answer)) {
            self.journal.wrong(format!("answered with {} {}", answer.status, answer.text));
        }
        answer
    }

    /// Asks until there is an answer that says something; nothing when the load ended before.
    pub async fn insist(&mut self, who: &Somebody, request: impl Fn(&Somebody) -> RequestBuilder) -> Option<Answer> {
        let mut give_up = None;
        loop {
            let at = self.at(who);
            if let Some(answer) = self.try_once(request(&at)).await.filter(|answer| !is_later(answer)) {
                return Some(answer);
            }
            if self.is_ending() && Instant::now() > *give_up.get_or_insert_with(|| Instant::now() + FINISH_MAX) {
                return None;
            }
            sleep(AGAIN).await;
        }
    }
}

/// Whether the same request may succeed a little later.
fn is_later(answer: &Answer) -> bool {
    matches!(answer.status, 429 | 503 | 504 | 507) || LATER.contains(&answer.code())
}

/// What no client may ever see, whatever happens to the server.
fn is_fault(answer: &Answer) -> bool {
    answer.status >= 500 && !matches!(answer.status, 503 | 504 | 507)
}
