//! Secrets are replaced while two replicas serve: the master key in the three steps of SECURITY.md, each by
//! restarting one replica after the other, and the secret that a provider signs its webhooks with.
//!
//! Nobody is refused meanwhile who was let in before. What the old key signed is dead when its window is
//! over, and a webhook's secret before the last one is dead at once.

use std::time::Duration;

use chrono::{SecondsFormat, TimeDelta};
use kernel::At;
use reqwest::Method;
use testkit::{PASSWORD, json, stripe_signature};
use tokio::time::sleep;

use crate::deeds::stripe_event;
use crate::judge::Findings;
use crate::load::Load;
use crate::series::{Series, never_logged};
use crate::somebody::{send, until};
use crate::world::{KEY, Person, WEBHOOK_SECRET, World};
use crate::{Dice, Place, Server, Somebody};

const CLIENTS: usize = 4;
const WORLD_ROUNDS: u32 = 10;
const SETTINGS: &str = "flows:\n  lease_s: 5\n  poll_max_ms: 200\n";
/// From the exchange to the end of the old key. An operator takes a quarter of an hour; here both replicas
/// are restarted meanwhile, and the rest is waited for.
const WINDOW: TimeDelta = TimeDelta::seconds(12);
/// While the new key is only known beforehand, nothing ends.
const BEFOREHAND: TimeDelta = TimeDelta::minutes(15);
/// The old key may live so much longer on a busy machine.
const LATE_MAX: Duration = Duration::from_secs(3);
/// Under load between two steps, at most, in milliseconds.
const BETWEEN_MAX_MS: u64 = 300;

/// Two replicas, one of which the world knows.
struct Pair {
    world: World,
    place: Place,
    other: Server,
    key: String,
    /// The webhook's secret before the present one.
    before: Option<String>,
    replaced: u64,
}

pub async fn run(series: &mut Series) {
    let mut left = series.rounds;
    while left > 0 {
        let world = series.world_with(SETTINGS).await;
        let place = world.beside(SETTINGS);
        let other = place.serve().await;
        let mut pair = Pair { world, place, other, key: KEY.to_owned(), before: None, replaced: 0 };
        for _ in 0..left.min(WORLD_ROUNDS) {
            let found = pair.round(series).await;
            let found = pair.world.judge().await.and(found);
            series.round(&pair.world, &found);
        }
        left = left.saturating_sub(WORLD_ROUNDS);
        let errors = never_logged(&pair.other.stop().await);
        series.found("the other replica's log", &Findings { broken: errors, ..Findings::default() });
        series.close(pair.world).await;
    }
}

impl Pair {
    async fn round(&mut self, series: &mut Series) -> Findings {
        let (old, new) = (self.key.clone(), drawn(&mut series.dice));
        let bases = [self.world.server.base.clone(), self.other.base.clone()];
        let load = Load::begin(&mut self.world, &bases, CLIENTS);
        let mut found = self.restart(series, &old, Some((&new, self.world.now() + BEFOREHAND))).await;
        let signed = sign_in(&self.world).await;
        sleep(Duration::from_millis(series.dice.below(BETWEEN_MAX_MS))).await;
        let end = self.world.now() + WINDOW;
        found = found.and(self.restart(series, &new, Some((&old, end))).await);
        found = found.and(self.lives(&signed, end).await).and(self.save_secrets().await);
        sleep(Duration::from_millis(series.dice.below(BETWEEN_MAX_MS))).await;
        load.end().await;
        found = found.and(self.dies(&signed, end).await).and(self.people_go_on().await);
        let load = Load::begin(&mut self.world, &bases, CLIENTS);
        found = found.and(self.restart(series, &new, None).await);
        load.end().await;
        self.key = new;
        found.and(self.webhooks().await)
    }

    /// Restarts one replica after the other with these keys, as an operator does: the next one is touched when
    /// the last one is ready.
    async fn restart(&mut self, series: &mut Series, key: &str, other: Option<(&str, At)>) -> Findings {
        let end = other.map(|(_, end)| end.to_rfc3339_opts(SecondsFormat::Secs, true));
        for place in [&mut self.world.place, &mut self.place] {
            place.set("AUTORISEN_MASTER_KEY", Some(key));
            place.set("AUTORISEN_PREVIOUS_MASTER_KEY", other.map(|(other, _)| other));
            place.set("AUTORISEN_PREVIOUS_MASTER_KEY_UNTIL", end.as_deref());
        }
        self.world.is_rekeyed = true;
        self.world.journal.note("a replica is restarted with other keys");
        let mut errors = never_logged(&self.world.server.stop().await);
        let took = self.world.restart().await;
        let slow = series.ready_in(took);
        errors.extend(never_logged(&self.other.stop().await));
        self.other = self.place.serve().await;
        slow.and(Findings { broken: errors, ..Findings::default() })
    }

    /// What the old key signed is believed by both before its end; on a machine so busy that the end has come,
    /// nothing is asked.
    async fn lives(&self, signed: &Somebody, end: At) -> Findings {
        let mut found = Findings::default();
        for base in [&self.world.server.base, &self.other.base] {
            let answer = signed.toward(base).get("/v1/auth/me").await;
            if answer.status != 200 && self.world.now() < end {
                found.broken.push(format!("in its window the old key is answered with {} {}", answer.status, answer.text));
            }
        }
        found
    }

    async fn dies(&self, signed: &Somebody, end: At) -> Findings {
        sleep((end - self.world.now()).to_std().unwrap_or_default()).await;
        let mut found = Findings::default();
        for base in [&self.world.server.base, &self.other.base] {
            let there = signed.toward(base);
            if until(LATE_MAX, async || (there.get("/v1/auth/me").await.status == 401).then_some(())).await.is_none() {
                found.broken.push("after its window the old key is still believed".to_owned());
            }
        }
        found
    }

    /// Nobody has to sign in again because a key was replaced: who holds a refresh token goes on.
    async fn people_go_on(&self) -> Findings {
        let mut found = Findings::default();
        for person in &self.world.cast.people {
            let mut person = person.lock().await;
            let answer = self.world.cast.nobody.post("/v1/auth/refresh", json!({"refresh_token": person.refresh})).await;
            if answer.status == 200 {
                *person = Person::of(&person.email, &answer.body["data"]);
            } else {
                found.lost.push(format!("the session of {}: {} {}", person.email, answer.status, answer.text));
            }
        }
        found
    }

    /// Saves the secrets of the connections again, the webhook's as a new one. Providers go on with the one
    /// before for a day.
    async fn save_secrets(&mut self) -> Findings {
        let ada = sign_in(&self.world).await;
        self.replaced += 1;
        let next = format!("whsec_of_the_company_{}", self.replaced);
        let mut found = Findings::default();
        let saved = [
            (&self.world.cast.stripe, json!({"webhook_secret": next})),
            (&self.world.cast.sandbox, json!({"webhook_secret": next, "api_key": format!("sk_test_of_the_company_{}", self.replaced)})),
        ];
        for (connection, body) in saved {
            let path = format!("/v1/payment-connections/{connection}");
            let answer = send(ada.request(Method::PATCH, &path).json(&body)).await;
            if !answer.as_ref().is_ok_and(|answer| answer.status == 200) {
                found.broken.push(format!("a connection's secrets can't be saved again: {answer:?}"));
            }
        }
        self.before = Some(std::mem::replace(&mut self.world.cast.webhook_secret, next));
        found
    }

    /// With the old master key gone, webhooks are taken with the present secret and with the one before, and
    /// with no older one.
    async fn webhooks(&self) -> Findings {
        let older = match self.replaced {
            0 | 1 => None,
            2 => Some(WEBHOOK_SECRET.to_owned()),
            number => Some(format!("whsec_of_the_company_{}", number - 2)),
        };
        let present = self.world.cast.webhook_secret.clone();
        let mut found = Findings::default();
        let secrets = [(Some(present), 200), (self.before.clone(), 200), (older, 400)];
        for (place, (secret, right)) in secrets.into_iter().enumerate() {
            let Some(secret) = secret else { continue };
            let now = self.world.now();
            // A name of its own for each: what is known already is answered with 200 and not taken.
            let body = stripe_event(&format!("rotated{}x{place}", self.replaced), 1, now).to_string();
            let path = format!("/v1/webhooks/stripe/{}", self.world.cast.stripe);
            let request = self.world.cast.nobody.request(Method::POST, &path);
            let answer = send(request.header("stripe-signature", stripe_signature(&secret, now, &body)).body(body)).await;
            if !answer.as_ref().is_ok_and(|answer| answer.status == right) {
                found.broken.push(format!("a webhook that is to be answered with {right} was answered with {answer:?}"));
            }
        }
        found
    }
}

async fn sign_in(world: &World) -> Somebody {
    let shown = json!({"email": "ada@northwind.test", "password": PASSWORD});
    let tokens = world.cast.nobody.post("/v1/auth/login", shown).await.expect(200);
    world.cast.nobody.holding(tokens["access_token"].as_str().unwrap_or_default())
}

/// A key of 32 bytes.
fn drawn(dice: &mut Dice) -> String {
    (0..4).map(|_| format!("{:016x}", dice.below(u64::MAX))).collect::<Vec<_>>().concat()
}
