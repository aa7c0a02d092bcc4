//! The rows of the report, each a small program of its own.

mod burst;
mod connections;
mod due;
mod plan;
mod requests;
mod start;
mod summary;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;
use tempfile::TempDir;

use crate::database::{Database, Engine, Server};
use crate::figures::{Figures, Single};
use crate::product::{Site, size_mb};

/// A row, or a group of rows that share their preparation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Name {
    /// `GET /v1/auth/me`
    Me,
    /// `GET /v1/customers`
    List,
    /// `POST /v1/customers`
    Create,
    /// `POST /v1/events/payment_failed`
    Intake,
    /// `POST /v1/auth/login`
    SignIn,
    /// From the start of the process until it is ready, and its memory then.
    Ready,
    /// Ten thousand connections that say nothing.
    Connections,
    /// Two hundred sign-ins at once.
    Burst,
    /// Finding what is due.
    Due,
    /// Planning a case.
    Plan,
    /// The dashboard's numbers over a million payments.
    Summary,
    /// The program's size.
    Size,
}

impl Name {
    pub const ALL: [Self; 12] = [
        Self::Me,
        Self::List,
        Self::Create,
        Self::Intake,
        Self::SignIn,
        Self::Ready,
        Self::Connections,
        Self::Burst,
        Self::Due,
        Self::Plan,
        Self::Summary,
        Self::Size,
    ];
}

/// What is to be measured, and how long.
pub struct Plan {
    pub program: PathBuf,
    pub runs: usize,
    /// How long each run of a row lasts.
    pub window: Duration,
    pub engines: Vec<Engine>,
    pub names: Vec<Name>,
    pub quick: bool,
    pub linger: Duration,
}

impl Plan {
    fn wants(&self, name: Name) -> bool {
        self.names.contains(&name)
    }
}

/// One engine's preparation: a migrated database with a person in it.
struct Bench<'p> {
    plan: &'p Plan,
    site: Site<'p>,
    password: String,
    /// Deleted with the bench.
    _folder: TempDir,
}

impl<'p> Bench<'p> {
    async fn fresh(plan: &'p Plan, engine: Engine, server: Option<&'p Server>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let database = Database::fresh(engine, folder.path(), server).await?;
        let site = Site { program: plan.program.clone(), folder: folder.path().to_owned(), database };
        let password = site.prepare()?;
        Ok(Self { plan, site, password, _folder: folder })
    }
}

#[expect(clippy::print_stderr, reason = "a run of minutes says where it is")]
fn say(what: &str, engine: Engine) {
    eprintln!("{what} on {}", engine.name());
}

/// Measures what was asked for, one row after the other.
pub async fn measure(plan: &Plan) -> Result<Figures> {
    let needs_server = plan.engines.contains(&Engine::Postgres);
    let server = if needs_server { Some(Server::start()?) } else { None };
    let mut figures = Figures { head: crate::machine::describe(needs_server), ..Figures::default() };
    let length = format!("median of {} runs of {:.1} s each, after a warm-up", plan.runs, plan.window.as_secs_f64());
    figures.head.push(("command", format!("`just bench`: {length}")));
    for engine in plan.engines.iter().copied() {
        requests::measure(plan, engine, server.as_ref(), &mut figures).await?;
        singles(plan, engine, server.as_ref(), &mut figures).await?;
    }
    if plan.wants(Name::Plan) {
        figures.singles.push(plan::measure());
    }
    if plan.wants(Name::Size) {
        let figure = format!("{:.1} MB", size_mb(&plan.program)?);
        figures.singles.push(Single { what: "the program on disk".to_owned(), engine: None, figure, verdict: None });
    }
    Ok(figures)
}

async fn singles(plan: &Plan, engine: Engine, server: Option<&Server>, figures: &mut Figures) -> Result<()> {
    let all = &mut figures.singles;
    if plan.wants(Name::Ready) {
        say("start", engine);
        all.extend(start::measure(plan, engine, server).await?);
    }
    // The product's own memory is the same on both engines; one is enough.
    if plan.wants(Name::Connections) && engine == Engine::Sqlite {
        say("connections", engine);
        all.push(connections::measure(&Bench::fresh(plan, engine, server).await?).await?);
    }
    if plan.wants(Name::Burst) {
        say("sign-ins at once", engine);
        all.extend(burst::measure(&Bench::fresh(plan, engine, server).await?).await?);
    }
    if plan.wants(Name::Due) {
        say("due work", engine);
        all.extend(due::measure(plan, engine, server).await?);
    }
    if plan.wants(Name::Summary) {
        say("summary", engine);
        all.extend(summary::measure(&Bench::fresh(plan, engine, server).await?).await?);
    }
    Ok(())
}
