//! Two replicas race for the same one-time token, refresh token, idempotency key, tick of a schedule
//! and run: exactly one wins.

use std::time::Duration;

use reqwest::Method;
use testkit::{Answer, PASSWORD, StoppablePostgres, Value, json};
use tokio::task::JoinSet;

use crate::books::{payer, rows};
use crate::hands::Hands;
use crate::journal::Kind;
use crate::judge::Findings;
use crate::series::Series;
use crate::somebody::{send, token_in, until};
use crate::world::{KEY, Person, World};
use crate::{Place, Server, Somebody};

const WORLD_ROUNDS: u32 = 50;
/// Racers for one thing, half of them on each replica.
const RACERS: usize = 4;
/// Races of each round: for refresh tokens, for idempotency keys, for the way of one report.
const REFRESHES: u32 = 4;
const KEYS: u32 = 4;
const REPORTS: u32 = 2;
/// What both replicas' clocks are moved by: one tick of the schedule that ticks each hour.
const HOUR_S: i64 = 3600;
/// Many links are asked for here, which people don't do.
const SETTINGS: &str = "flows:\n  lease_s: 5\n  poll_max_ms: 50\nlimits:\n  reset:\n    per_account:\n      limit: 1000000\n    per_network:\n      limit: 1000000\n";
/// A letter and a tick are worked off within this time.
const WORKED_OFF_MAX: Duration = Duration::from_secs(20);
/// Runs of schedules that did not end well, were taken up more than once, or are there twice for one
/// hour.
const TICKS: &str = "select count(*) from flow_runs where workflow = 'flows.scheduled' and (state <> 'done' or fence <> 1)";

/// Both replicas.
struct Track {
    world: World,
    other: Server,
    person: Person,
    races: u64,
    hands: Hands,
}

/// Both replicas look at one clock, which jumps for both at the same moment.
async fn begin(series: &mut Series) -> (World, Hands) {
    let (name, seed) = series.next_name();
    let place = Place::sqlite().var("AUTORISEN_MASTER_KEY", KEY);
    place.write("autorisen.yaml", SETTINGS);
    let database = StoppablePostgres::start().await.expect("a Postgres server can be started here");
    let (place, hands) = Hands::on(place.var("DATABASE_URL", database.url()));
    (World::within(place, Some(database), &series.folder, &name, seed).await, hands)
}

pub async fn run(series: &mut Series) {
    let (mut left, mut races) = (series.rounds, 0);
    while left > 0 {
        let (world, hands) = begin(series).await;
        let place = world.beside(SETTINGS);
        let other = place.serve().await;
        let person = Person::register(&world.cast.nobody, "racer@northwind.test").await;
        let mut track = Track { world, other, person, races: 0, hands };
        for _ in 0..left.min(WORLD_ROUNDS) {
            let mut found = track.round().await;
            found = track.world.judge().await.and(found);
            series.round(&track.world, &found);
        }
        races += track.races;
        left = left.saturating_sub(WORLD_ROUNDS);
        track.other.stop().await;
        series.close(track.world).await;
    }
    series.tally.count("races", races);
}

impl Track {
    async fn round(&mut self) -> Findings {
        let mut found = Findings::default();
        for _ in 0..REFRESHES {
            found = found.and(self.refresh().await);
        }
        for _ in 0..KEYS {
            found = found.and(self.key().await);
        }
        for _ in 0..REPORTS {
            found = found.and(self.report().await);
        }
        found.and(self.reset().await).and(self.tick().await)
    }

    /// The same request from all racers at once.
    async fn race(&mut self, who: &Somebody, path: &str, key: Option<&str>, body: &Value) -> Vec<Answer> {
        self.races += 1;
        let bases = [self.world.server.base.clone(), self.other.base.clone()];
        let mut racers = JoinSet::new();
        for number in 0..RACERS {
            let racer = who.toward(&bases[number % 2]);
            let request = racer.request(Method::POST, path).json(body);
            racers.spawn(send(key.into_iter().fold(request, |request, key| request.header("idempotency-key", key))));
        }
        racers.join_all().await.into_iter().map(|answer| answer.expect("both replicas run")).collect()
    }

    async fn refresh(&mut self) -> Findings {
        let (nobody, body) = (self.world.cast.nobody.clone(), json!({"refresh_token": self.person.refresh}));
        let answers = self.race(&nobody, "/v1/auth/refresh", None, &body).await;
        let Some(winner) = only_winner(&answers, &[401, 409]) else { return won_by_others("a refresh token", &answers) };
        self.person = Person::of(&self.person.email, &winner.body["data"]);
        Findings::default()
    }

    async fn key(&mut self) -> Findings {
        let (clerk, key) = (self.world.cast.clerk.clone(), format!("customer-race-{}", self.races));
        let body = json!({"name": key});
        self.world.journal.asked(Kind::Customer, &key);
        let answers = self.race(&clerk, "/v1/customers", Some(&key), &body).await;
        for answer in &answers {
            match answer.status {
                201 => self.world.journal.acknowledged(&key, answer.body["data"]["id"].clone()),
                409 if answer.code() == "idempotency_key_in_use" => {}
                _ => return won_by_others("an idempotency key", &answers),
            }
        }
        let fresh = answers.iter().filter(|it| it.status == 201 && !it.headers.contains_key("idempotency-replayed")).count();
        if fresh == 1 { Findings::default() } else { won_by_others("an idempotency key", &answers) }
    }

    /// Both are told of the same failure, and both work off what follows: one case, one letter.
    async fn report(&mut self) -> Findings {
        let (clerk, key) = (self.world.cast.clerk.clone(), format!("hard-race-{}", self.races));
        let body = json!({
            "event_id": format!("event-{key}"), "transaction_ref": key, "connection_id": self.world.cast.sandbox, "amount": 1900,
            "currency": "EUR", "gateway": "sandbox", "failure_code": "expired_card", "occurred_at": self.world.now(),
            "customer": {"email": payer(&key)}, "payment_method": {"token": format!("pm_{key}")},
        });
        self.world.journal.asked(Kind::Report, &key);
        let answers = self.race(&clerk, "/v1/events/payment_failed", None, &body).await;
        let first = answers.iter().filter(|answer| answer.status == 201).count();
        if first != 1 || answers.iter().any(|answer| !matches!(answer.status, 200 | 201 | 409)) {
            return won_by_others("an event", &answers);
        }
        for told in answers.iter().filter(|answer| answer.status != 409).map(|answer| &answer.body["data"]) {
            self.world.journal.acknowledged(&key, json!({"transaction": told["transaction_id"], "case": told["case_id"], "amount": 1900}));
        }
        Findings::default()
    }

    /// A link that resets the password.
    async fn reset(&mut self) -> Findings {
        let (nobody, email) = (self.world.cast.nobody.clone(), self.person.email.clone());
        let path = format!("/dev/mail/messages?to={email}");
        let count = async || rows(&nobody.get(&path).await.body, "data").len();
        let before = count().await;
        nobody.post("/v1/auth/password/forgot", json!({"email": email})).await;
        if until(WORKED_OFF_MAX, async || (count().await > before).then_some(())).await.is_none() {
            return Findings::broken("no letter with a link that resets the password");
        }
        let letter = nobody.get(&path).await.body["data"][0].clone();
        let Some(token) = token_in(&letter) else { return Findings::broken(format!("no link in {letter}")) };
        let body = json!({"token": token, "password": PASSWORD});
        let answers = self.race(&nobody, "/v1/auth/password/reset", None, &body).await;
        let mut found = Findings::default();
        if only_winner(&answers, &[400, 401, 404, 409, 410, 422]).is_none() {
            found = won_by_others("a reset token", &answers);
        }
        // Every session ended with the old password.
        let shown = json!({"email": email, "password": PASSWORD});
        self.person = Person::of(&email, &nobody.post("/v1/auth/login", shown).await.expect(200));
        found
    }

    /// Both clocks strike the hour at once.
    async fn tick(&mut self) -> Findings {
        self.races += 1;
        self.hands.jump(&mut self.world, HOUR_S).await;
        let database = self.world.database.as_ref().expect("this fault is for Postgres");
        let mut open = String::new();
        let settled = until(WORKED_OFF_MAX, async || {
            open = database.ask(TICKS).await;
            (open.trim() == "0").then_some(())
        });
        if settled.await.is_none() { Findings::broken(format!("{open} ticks did not run exactly once")) } else { Findings::default() }
    }
}

/// The one success among refusals of these kinds.
fn only_winner<'a>(answers: &'a [Answer], losers: &[u16]) -> Option<&'a Answer> {
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| (200..300).contains(&answer.status));
    (won.len() == 1 && lost.iter().all(|answer| losers.contains(&answer.status))).then(|| won[0])
}

fn won_by_others(what: &str, answers: &[Answer]) -> Findings {
    let told: Vec<_> = answers.iter().map(|answer| format!("{} {}", answer.status, answer.code())).collect();
    Findings { doubled: vec![format!("{what}: {told:?}")], ..Findings::default() }
}
