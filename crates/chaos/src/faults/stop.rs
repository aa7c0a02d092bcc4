//! SIGTERM under load: whoever was let in is answered, leases are handed back, a second signal forces.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use testkit::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::Dice;
use crate::books::{payer, rows};
use crate::journal::{Journal, Kind};
use crate::judge::Findings;
use crate::load::Load;
use crate::raw::{self, Heard};
use crate::series::Series;
use crate::somebody::until;
use crate::world::World;

const CLIENTS: usize = 3;
/// Clients on bare connections, which see what a library would hide.
const BARE: usize = 8;
const WORLD_ROUNDS: u32 = 20;
const STOP_MAX_MS: u64 = 500;
/// Leases so long that nobody could wait for their end: what is not handed back stays undone.
const SETTINGS: &str = "flows:\n  lease_s: 600\n  poll_max_ms: 200\n  stop_grace_s: 1\n";
/// After the start, what was handed back is done within this time.
const TAKEN_UP_MAX: Duration = Duration::from_secs(10);
/// One stop in so many is forced by a second signal.
const FORCED_ONE_IN: u64 = 10;
/// A second signal does not wait; this is for a busy machine.
const FORCED_MAX: Duration = Duration::from_secs(3);

pub async fn run(series: &mut Series) {
    let mut left = series.rounds;
    while left > 0 {
        let mut world = series.world_with(SETTINGS).await;
        for _ in 0..left.min(WORLD_ROUNDS) {
            let forced = series.dice.below(FORCED_ONE_IN) == 0;
            let found = if forced { force(&mut world).await } else { round(series, &mut world).await };
            let took = world.restart().await;
            let found = found.and(series.ready_in(took)).and(taken_up(&world).await);
            let found = world.judge().await.and(found);
            series.round(&world, &found);
        }
        left = left.saturating_sub(WORLD_ROUNDS);
        series.close(world).await;
    }
}

async fn round(series: &mut Series, world: &mut World) -> Findings {
    let base = world.server.base.clone();
    let load = Load::begin(world, &[base], CLIENTS);
    let bare = Bare::begin(world, series.dice.split());
    sleep(Duration::from_micros(series.dice.below(STOP_MAX_MS * 1000))).await;
    world.journal.note("SIGTERM");
    world.server.signal("TERM").await;
    let code = world.server.ended().await;
    let mut found = Findings { broken: bare.end().await, ..Findings::default() };
    if code != Some(0) {
        found.broken.push(format!("it ended with {code:?}: {}", world.server.talk()));
    }
    // The others go on asking, and would until it is back; what is under way is given up.
    world.server = world.place.serving(&[]);
    world.server.listens().await;
    load.end().await;
    world.server.signal("TERM").await;
    world.server.ended().await;
    found
}

/// What the last process had in hand is not waited for: the letters of all cards that expired are there.
async fn taken_up(world: &World) -> Findings {
    let promised =
        world.journal.deeds(Kind::Report).into_iter().filter(|(key, deed)| key.starts_with("hard") && deed.acknowledged.is_some());
    let promised: Vec<_> = promised.map(|(key, _)| key).collect();
    let missing = async || {
        let mut missing = Vec::new();
        for key in &promised {
            let letters = world.cast.nobody.get(&format!("/dev/mail/messages?to={}", payer(key))).await;
            if rows(&letters.body, "data").is_empty() {
                missing.push(key.clone());
            }
        }
        missing
    };
    if until(TAKEN_UP_MAX, async || missing().await.is_empty().then_some(())).await.is_some() {
        return Findings::default();
    }
    Findings {
        lost: missing().await.into_iter().map(|key| format!("no letter about {key}: its lease was not handed back")).collect(),
        ..Findings::default()
    }
}

/// A request is under way, and a second signal does not wait for it.
async fn force(world: &mut World) -> Findings {
    let address = world.server.base.trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).await.expect("it listens");
    let head = format!(
        "POST /v1/auth/login HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: 90\r\nexpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("it reads");
    let mut answer = [0; 64];
    let _ = stream.read(&mut answer).await;
    world.server.signal("TERM").await;
    world.server.saw("server.stopping").await;
    let began = Instant::now();
    world.journal.note("SIGTERM twice");
    world.server.signal("TERM").await;
    match timeout(FORCED_MAX, world.server.ended()).await {
        Ok(Some(1)) => Findings::default(),
        Ok(code) => Findings::broken(format!("a second signal ended it with {code:?}")),
        Err(_) => Findings::broken(format!("a second signal was not heard in {:?}", began.elapsed())),
    }
}

/// Clients that open a connection for each request.
struct Bare {
    ending: Arc<AtomicBool>,
    clients: JoinSet<Vec<String>>,
}

impl Bare {
    fn begin(world: &World, mut dice: Dice) -> Self {
        let ending = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        for _ in 0..BARE {
            let address = world.server.base.trim_start_matches("http://").to_owned();
            let token = format!("Bearer {}", world.cast.clerk.token.clone().unwrap_or_default());
            clients.spawn(bare(world.journal.clone(), ending.clone(), dice.split(), address, token));
        }
        Self { ending, clients }
    }

    /// Requests whose connection was taken and that were not answered.
    async fn end(mut self) -> Vec<String> {
        self.ending.store(true, Ordering::SeqCst);
        let mut broken = Vec::new();
        while let Some(ended) = self.clients.join_next().await {
            broken.extend(ended.expect("no client panics"));
        }
        broken
    }
}

async fn bare(journal: Arc<Journal>, ending: Arc<AtomicBool>, mut dice: Dice, address: String, token: String) -> Vec<String> {
    let mut broken = Vec::new();
    while !ending.load(Ordering::SeqCst) {
        let key = format!("customer-bare-{:x}", dice.below(u64::MAX));
        let body = json!({"name": key, "email": format!("{key}@customers.test")}).to_string();
        let headers = [("authorization", token.as_str()), ("idempotency-key", &key)];
        journal.asked(Kind::Customer, &key);
        match raw::ask(&address, &raw::request("POST", &address, "/v1/customers", &headers, &body)).await {
            Heard::Refused => sleep(Duration::from_millis(5)).await,
            Heard::Answered(201, body) => {
                let said: testkit::Value = serde_json::from_str(&body).unwrap_or_default();
                journal.acknowledged(&key, said["data"]["id"].clone());
            }
            // Not a promise, and an honest answer.
            Heard::Answered(503, _) => {}
            Heard::Answered(status, body) => broken.push(format!("{key} was answered with {status} {body}")),
            Heard::Broken(how) => broken.push(format!("{key} was let in and not answered: {how}")),
        }
        sleep(Duration::from_millis(dice.below(10))).await;
    }
    broken
}
