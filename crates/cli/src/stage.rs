//! What every scene needs: the clock that can be moved, the mailbox, and somebody to act.

use anyhow::{Context as _, Result, bail, ensure};
use autorisen::kernel::At;
use chrono::Duration;
use reqwest::Client;
use serde_json::{Value, json};

use crate::player::{self, Player};

/// Moves of the clock by nothing, each of which works off what is due, before a wait is given up.
const LOOKS_MAX: usize = 100;
/// Between two looks at something that is under way in the server.
const LOOK_PAUSE: std::time::Duration = std::time::Duration::from_millis(30);

/// A running server, seen from outside.
#[derive(Debug, Clone)]
pub struct Stage {
    pub base: String,
    http: Client,
    operator: Player,
}

/// A letter in the development mailbox.
#[derive(Debug, Clone)]
pub struct Letter {
    pub to: String,
    pub subject: String,
    pub text: String,
    pub sent_at: At,
    links: Vec<String>,
}

impl Stage {
    pub fn new(base: &str) -> Result<Self> {
        let http = player::http()?;
        Ok(Self { base: base.to_owned(), operator: Player::new(&http, base), http })
    }

    /// Somebody without any proof.
    pub fn somebody(&self) -> Player {
        Player::new(&self.http, &self.base)
    }

    /// What the product's clock shows.
    pub async fn now(&self) -> Result<At> {
        at(&self.operator.clone().get("/dev/clock").await?["now"])
    }

    /// Moves the clock, and with it everything that falls due on the way.
    pub async fn move_to(&self, to: At) -> Result<()> {
        self.turn(json!({ "now": to })).await
    }

    /// Lets time pass.
    pub async fn pass(&self, by: Duration) -> Result<()> {
        self.turn(json!({ "advance_seconds": by.num_seconds() })).await
    }

    async fn turn(&self, to: Value) -> Result<()> {
        let shown = self.operator.clone().post("/dev/clock", to).await?;
        let left = shown["work_left"].as_u64().unwrap_or_default();
        ensure!(left == 0, "the clock moved on, and {left} pieces of work that are due are not done");
        Ok(())
    }

    /// Asks until there is an answer; what is under way in the server gets its time.
    pub async fn until<T>(&self, what: &str, mut ask: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
        let mut last = None;
        for _ in 0..LOOKS_MAX {
            self.pass(Duration::zero()).await?;
            match ask().await {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => {}
                Err(error) => last = Some(error),
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
        match last {
            Some(error) => Err(error.context(format!("waited in vain for {what}"))),
            None => bail!("waited in vain for {what}"),
        }
    }

    /// The letters to an address, or all with an empty one, newest first.
    pub async fn letters(&self, to: &str) -> Result<Vec<Letter>> {
        let found = self.operator.clone().get(&format!("/dev/mail/messages?to={}", to.replace('+', "%2B"))).await?;
        found.as_array().into_iter().flatten().map(Letter::read).collect()
    }

    /// The newest letter to an address, which has `count` in all.
    pub async fn letter(&self, to: &str, count: usize) -> Result<Letter> {
        let letters = self
            .until(&format!("letter {count} to {to}"), async || Ok(Some(self.letters(to).await?).filter(|all| all.len() >= count)))
            .await?;
        ensure!(letters.len() == count, "{} letters went to {to}, where {count} are right", letters.len());
        letters.into_iter().next().context("a letter")
    }

    /// Says what a card's bank will answer, in order.
    pub async fn script(&self, card: &str, outcomes: &[&str]) -> Result<()> {
        self.operator.clone().post("/dev/sandbox/script", json!({ "payment_method": card, "outcomes": outcomes })).await.map(drop)
    }
}

impl Letter {
    fn read(letter: &Value) -> Result<Self> {
        let text = |field: &str| letter[field].as_str().unwrap_or_default().to_owned();
        let links = letter["links"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        Ok(Self { to: text("to"), subject: text("subject"), text: text("text"), sent_at: at(&letter["created_at"])?, links })
    }

    /// The first link with this in it.
    pub fn link(&self, with: &str) -> Result<&str> {
        let found = self.links.iter().find(|link| link.contains(with));
        found.map(String::as_str).with_context(|| format!("the letter \"{}\" has no link with {with}", self.subject))
    }
}

/// An instant of an answer.
pub fn at(value: &Value) -> Result<At> {
    let text = value.as_str().with_context(|| format!("expected an instant, found {value}"))?;
    text.parse().with_context(|| format!("expected an instant, found {text:?}"))
}
