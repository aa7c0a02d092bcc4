//! The main job, played over HTTP by a person, a payer and a company's billing system against the
//! real server, step by step. Each step is told only after it was found to be so.

mod company;
mod expired;
mod numbers;
mod short;
mod stolen;
mod telling;

use anyhow::{Context as _, Result, ensure};
use autorisen::Ended;
use autorisen::command::stop_signal;
use autorisen::host::Sources;
use autorisen::kernel::{At, Clock, Currency, Money, chance};
use chrono::{Days, NaiveTime};
use serde_json::Value;

use crate::demo::FOLDER_PREFIX;
use crate::merchant::{Charge, Merchant, Payer};
use crate::player::Player;
use crate::server::{Server, free_port};
use crate::stage::Stage;
use telling::{Step, Telling};

/// The story begins at an hour at which mails may start in every zone near its payers.
const BEGINS_AT: NaiveTime = NaiveTime::from_hms_opt(9, 0, 0).expect("nine o'clock");

/// Plays the story from beginning to end; `Err` says what was not as told.
pub async fn play(is_json: bool) -> Result<(), Ended> {
    let process = Sources::of_process();
    let folder = tempfile::Builder::new()
        .prefix(FOLDER_PREFIX)
        .tempdir()
        .map_err(|error| Ended::failed(format!("there is no temporary folder: {error}")))?;
    let server = Server::start(&process, folder.path(), port()?, Clock::system()).await?;
    let mut telling = Telling::new(&process, is_json);
    let told = tokio::select! {
        told = tell(&server, &mut telling) => told,
        () = stop_signal() => Err(anyhow::anyhow!("interrupted")),
    };
    server.stop().await;
    folder.close().map_err(|error| Ended::failed(format!("the temporary folder is left behind: {error}")))?;
    match &told {
        Ok(()) => telling.close("Everything was as told. The server is stopped and its folder removed."),
        Err(error) => telling.broken(&format!("{error:#}")),
    }
    told.map_err(|error| Ended::failed(format!("{error:#}")).hint("LOG_LEVEL=info autorisen demo --story   shows what the server did"))
}

fn port() -> Result<u16, Ended> {
    free_port().map_err(|error| Ended::unreachable(format!("{error:#}")))
}

async fn tell(server: &Server, telling: &mut Telling) -> Result<()> {
    let stage = Stage::new(&server.base)?;
    let engine = match server.core().store.engine() {
        autorisen::store::Engine::Sqlite => "SQLite in a throw-away folder",
        autorisen::store::Engine::Postgres => "PostgreSQL",
    };
    telling.open("A failed payment comes back", &format!("{} on {engine}; only the clock is moved", server.base));
    let mut story = Story::begin(stage, telling).await?;
    story.a_company_signs_up().await?;
    story.an_expired_card().await?;
    story.a_card_without_money().await?;
    story.a_stolen_card().await?;
    story.the_numbers().await
}

/// What the dashboard must show in the end.
#[derive(Debug, Default)]
struct Tally {
    failed: i64,
    failed_minor: i64,
    recovered: i64,
    recovered_minor: i64,
    attempts: i64,
    attempts_succeeded: i64,
}

/// The story so far.
struct Story<'t> {
    stage: Stage,
    telling: &'t mut Telling,
    began_at: At,
    currency: Currency,
    /// Tells this run apart from earlier ones on the same database.
    run: String,
    /// Ada's browser.
    ada: Player,
    /// The company's own programs, with an API key.
    clerk: Player,
    merchant: Merchant,
    /// Where the provider sends its webhooks.
    webhook_url: String,
    tally: Tally,
}

impl<'t> Story<'t> {
    async fn begin(stage: Stage, telling: &'t mut Telling) -> Result<Self> {
        let now = stage.now().await?;
        let today = now.date_naive();
        let day = if now.time() < BEGINS_AT { today } else { today.checked_add_days(Days::new(1)).context("a day after today")? };
        let began_at = day.and_time(BEGINS_AT).and_utc();
        stage.move_to(began_at).await?;
        let run = chance::token().expose().chars().filter(char::is_ascii_alphanumeric).take(6).collect::<String>().to_lowercase();
        let (ada, clerk, merchant) = (stage.somebody(), stage.somebody(), Merchant::new(&stage, ""));
        let currency = "EUR".parse().context("a currency")?;
        Ok(Self { stage, telling, began_at, currency, run, ada, clerk, merchant, webhook_url: String::new(), tally: Tally::default() })
    }

    fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.currency)
    }

    /// An address that no other run uses.
    fn address(&self, name: &str, host: &str) -> String {
        format!("{name}.{}@{host}.test", self.run)
    }

    async fn told(&mut self, step: Step) -> Result<()> {
        let now = self.stage.now().await?;
        self.telling.step(now, &step);
        Ok(())
    }

    /// The case of a payment, once it is there.
    async fn case(&self, reference: &str) -> Result<Value> {
        let path = format!("/v1/recoveries/by_ref/{reference}");
        self.stage.until(&format!("the case of {reference}"), async || self.clerk.clone().get(&path).await.map(Some)).await
    }

    /// The case, once it is in one of these states.
    async fn case_in(&self, reference: &str, states: &[&str]) -> Result<Value> {
        let what = format!("the case of {reference} to be {}", states.join(" or "));
        let path = format!("/v1/recoveries/by_ref/{reference}");
        let is_there = |case: &Value| case["state"].as_str().is_some_and(|state| states.contains(&state));
        self.stage.until(&what, async || Ok(Some(self.clerk.clone().get(&path).await?).filter(is_there))).await
    }

    /// A charge that the bank must decline, and so a case.
    async fn declined(&mut self, payer: &Payer, charge: Charge, amount: Money, code: &str) -> Result<Charge> {
        ensure!(
            charge.decline.as_deref() == Some(code),
            "the bank answered {:?} to the charge of {}, where {code} is right",
            charge.decline,
            payer.name
        );
        self.tally.failed += 1;
        self.tally.failed_minor += amount.minor;
        Ok(charge)
    }

    fn came_back(&mut self, amount: Money) {
        self.tally.recovered += 1;
        self.tally.recovered_minor += amount.minor;
    }
}

/// Demands that a field of an answer is as told.
fn is(of: &Value, field: &str, right: impl Into<Value>) -> Result<()> {
    let (found, right) = (of.pointer(&format!("/{field}")).cloned().unwrap_or_default(), right.into());
    ensure!(found == right, "`{field}` of {} is {found}, where {right} is right", of["id"].as_str().unwrap_or("the answer"));
    Ok(())
}

/// The states of a case's attempts that were sent, in the order of their plan.
fn attempts(case: &Value) -> Vec<(&str, &str)> {
    let mut rows: Vec<_> = case["attempts"].as_array().into_iter().flatten().collect();
    rows.sort_by_key(|attempt| attempt["planned_for"].as_str().unwrap_or_default());
    let sent = rows.into_iter().filter(|attempt| !attempt["submitted_at"].is_null());
    sent.map(|attempt| (attempt["state"].as_str().unwrap_or_default(), attempt["submitted_at"].as_str().unwrap_or_default())).collect()
}

/// Where a case is looked at.
fn page_of(case: &Value) -> String {
    format!("/cases/{}", case["id"].as_str().unwrap_or_default())
}

/// How an instant is told.
fn day(at: At) -> String {
    at.format("%a %e %b, %H:%M").to_string()
}
