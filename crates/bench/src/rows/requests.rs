//! The requests, at three levels of concurrency, with the bare server beside those that have one.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use autorisen::kernel::{Clock, OrgId};
use serde_json::json;

use super::{Bench, Name, Plan, say};
use crate::database::{Engine, Server};
use crate::figures::{Figures, Requests, Step, Verdict};
use crate::load::{self, Line, Until, drive};
use crate::process::{Owned, cpu};
use crate::product::{Environment, Person, Product, free_port, sign_in_request};
use crate::report::headline;

/// One caller, a busy service, and more callers than a service should have waiting.
const LEVELS: [u64; 3] = [1, 32, 256];
/// Customers of the organization whose list is read.
const CUSTOMERS: u32 = 10_000;
/// Callers that report failures at once.
const SENDERS: u64 = 50;
/// How long a comparable server in FastAPI and asyncpg computes for a request on two such cores,
/// in µs, and the part of it that we aim at.
const PYTHON_ME_US: f64 = 830.0;
const PYTHON_LIST_US: f64 = 1530.0;
const PYTHON_CREATE_US: f64 = 1620.0;
const PYTHON_INTAKE_US: f64 = 1430.0;
const PYTHON_PART: f64 = 15.0;

/// A request that is measured.
struct Row {
    name: Name,
    what: &'static str,
    status: u16,
    has_bare: bool,
}

const ROWS: [Row; 5] = [
    Row { name: Name::Me, what: "`GET /v1/auth/me`", status: 200, has_bare: true },
    Row { name: Name::List, what: "`GET /v1/customers?limit=20` of 10,000", status: 200, has_bare: true },
    Row { name: Name::Create, what: "`POST /v1/customers`", status: 201, has_bare: true },
    Row { name: Name::Intake, what: "`POST /v1/events/payment_failed`", status: 201, has_bare: false },
    Row { name: Name::SignIn, what: "`POST /v1/auth/login`", status: 200, has_bare: false },
];

pub async fn measure(plan: &Plan, engine: Engine, server: Option<&Server>, figures: &mut Figures) -> Result<()> {
    let wanted: Vec<&Row> = ROWS.iter().filter(|row| plan.wants(row.name)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let bench = Bench::fresh(plan, engine, server).await?;
    let mut is_filled = false;
    for row in wanted {
        say(row.what, engine);
        if !is_filled && row.name != Name::Me {
            bench.fill().await?;
            is_filled = true;
        }
        figures.requests.push(bench.row(row).await?);
    }
    Ok(())
}

/// Something that listens and whose CPU is counted.
struct Target {
    address: SocketAddr,
    process: u32,
}

impl Bench<'_> {
    /// Gives the organization its customers.
    async fn fill(&self) -> Result<()> {
        let (product, _) = self.site.serve(Environment::Staging).await?;
        let org = uuid_of(&product.sign_in(&self.password).await?)?;
        drop(product);
        let columns = "id, org_id, created_at, updated_at, version, name, name_normal, email, email_normal";
        let sqlite = format!(
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < {CUSTOMERS}), \
             t(i, at) as (select i, strftime('%Y-%m-%dT%H:%M:%S', 1767225600 + i, 'unixepoch') || '.000000Z' from n) \
             insert into customers ({columns}) select randomblob(16), x'{}', at, at, 1, 'Customer ' || i, 'customer ' || i, \
             'c' || i || '@bench.example', 'c' || i || '@bench.example' from t",
            org.simple()
        );
        let postgres = format!(
            "insert into customers ({columns}) select gen_random_uuid(), '{org}', at, at, 1, 'Customer ' || i, 'customer ' || i, \
             'c' || i || '@bench.example', 'c' || i || '@bench.example' \
             from generate_series(1, {CUSTOMERS}) i, lateral (select timestamptz '2026-01-01T00:00:00Z' + i * interval '1 second' as at) t"
        );
        self.site.database.run(&sqlite, &postgres).await?;
        self.site.database.settle().await
    }

    async fn row(&self, row: &Row) -> Result<Requests> {
        let (product, _) = self.site.serve(Environment::Staging).await?;
        let person = product.sign_in(&self.password).await?;
        let target = Target { address: product.address, process: product.id() };
        let write = self.writer(row.name, &person);
        let steps = self.levels(&target, row.status, &LEVELS, &write).await?;
        let mut verdicts = Vec::new();
        if row.name == Name::Intake {
            let step = self.level(&target, row.status, SENDERS, &write).await?;
            verdicts.push(Verdict::at_most("p95 under 50 senders", 200.0, "ms", step.p95_ms));
        }
        let bare = if row.has_bare { self.bare(row, product, &person).await? } else { Vec::new() };
        verdicts.extend(budgets(row.name, &steps, &bare));
        Ok(Requests { what: row.what, engine: self.site.database.engine(), product: steps, bare, verdicts })
    }

    /// Ends the product and measures the bare server on what it left.
    async fn bare(&self, row: &Row, product: Product, person: &Person) -> Result<Vec<Step>> {
        let me = self.site.folder.join("me.json");
        fs::write(&me, product.ask(&load::get("/v1/auth/me", &person.token)).await?)?;
        drop(product);
        let port = free_port()?;
        let log = File::create(self.site.folder.join("bare.log"))?;
        let child = Command::new(std::env::current_exe()?)
            .args(["bare", "--url", &self.site.database.url(), "--org", &uuid_of(person)?.to_string(), "--port", &port.to_string()])
            .arg("--me")
            .arg(&me)
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()?;
        let child = Owned(child);
        let target = Target { address: SocketAddr::from(([127, 0, 0, 1], port)), process: child.id() };
        let began = Instant::now();
        while Line::open(target.address).await.is_err() {
            ensure!(began.elapsed() < Duration::from_secs(10), "the bare server did not start");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.levels(&target, row.status, &LEVELS, &self.writer(row.name, person)).await
    }

    async fn levels(&self, target: &Target, status: u16, levels: &[u64], write: &Write<'_>) -> Result<Vec<Step>> {
        // Connections to the database, statement caches and branch predictors get warm.
        drive(target.address, 32, Until::Passed(self.plan.window / 2), first_number(), write).await?.all(status)?;
        if self.site.database.engine() == Engine::Postgres {
            // Its autovacuum looks once a minute; until then plans are those of empty tables, which is a state
            // that no server is in for longer.
            self.site.database.settle().await?;
        }
        let mut steps = Vec::new();
        for connections in levels {
            steps.push(self.level(target, status, *connections, write).await?);
        }
        tokio::time::sleep(self.plan.linger).await;
        Ok(steps)
    }

    async fn level(&self, target: &Target, status: u16, connections: u64, write: &Write<'_>) -> Result<Step> {
        let mut runs = Vec::new();
        for _ in 0..self.plan.runs {
            let (own, database) = (cpu(target.process)?, self.site.database.cpu()?);
            let until = Until::Passed(self.plan.window);
            let outcome = drive(target.address, connections, until, first_number(), write).await?.all(status)?;
            let (own, database) = (cpu(target.process)?.saturating_sub(own), self.site.database.cpu()?.saturating_sub(database));
            runs.push(Step::of(connections, &outcome, own, database));
        }
        Ok(Step::median(&runs))
    }

    fn writer(&self, name: Name, person: &Person) -> Box<Write<'static>> {
        let token = person.token.clone();
        match name {
            Name::Me => always(load::get("/v1/auth/me", &token)),
            Name::List => always(load::get("/v1/customers?limit=20", &token)),
            Name::SignIn => always(sign_in_request(&self.password)),
            Name::Create => Box::new(move |number| load::post("/v1/customers", &token, &new_customer(number))),
            _ => Box::new(move |number| load::post("/v1/events/payment_failed", &token, &failure(number))),
        }
    }
}

type Write<'a> = dyn Fn(u64) -> Vec<u8> + 'a;

fn always(request: Vec<u8>) -> Box<Write<'static>> {
    Box::new(move |_| request.clone())
}

/// Numbers of requests that were not used before: each span of load begins a stretch of its own.
fn first_number() -> u64 {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed) << 32
}

fn new_customer(number: u64) -> String {
    json!({
        "name": format!("Customer {number}"), "email": format!("c{number}@bench.example"), "phone": "+27821234567",
        "external_ref": format!("ref-{number}"), "locale": "en-ZA", "timezone": "Africa/Johannesburg",
    })
    .to_string()
}

/// Its references are in base 16: long decimal numbers may look like those of cards, and are refused.
fn failure(number: u64) -> String {
    json!({
        "event_id": format!("evt-{number:x}"), "transaction_ref": format!("inv-{number:x}"), "amount": 12_50, "currency": "EUR",
        "gateway": "stripe", "failure_code": "insufficient_funds", "occurred_at": Clock::system().now(),
        "customer": { "email": format!("p{number:x}@bench.example"), "name": "Payer", "external_ref": format!("payer-{number:x}") },
        "payment_method": { "token": format!("pm-{number:x}"), "network": "visa", "funding": "credit", "country": "DE", "last4": "4242" },
    })
    .to_string()
}

fn uuid_of(person: &Person) -> Result<uuid::Uuid> {
    let org: OrgId = person.org.parse().map_err(|_| anyhow::anyhow!("`{}` is no organization", person.org))?;
    Ok(org.uuid())
}

fn budgets(name: Name, product: &[Step], bare: &[Step]) -> Vec<Verdict> {
    let (Some(ours), theirs) = (headline(product), headline(bare)) else { return vec![] };
    let against = |python: f64| Verdict::at_most("CPU", (python / PYTHON_PART).round(), "µs", ours.cpu_us);
    match (name, theirs) {
        (Name::Me, Some(bare)) => vec![Verdict::at_most("CPU", 4.0, "× bare", ours.cpu_us / bare.cpu_us), against(PYTHON_ME_US)],
        (Name::List, Some(bare)) => shares(0.6, ours, bare, against(PYTHON_LIST_US)),
        (Name::Create, Some(bare)) => shares(0.5, ours, bare, against(PYTHON_CREATE_US)),
        (Name::Intake, _) => vec![against(PYTHON_INTAKE_US)],
        _ => vec![],
    }
}

/// How much of the bare server's throughput is left, by CPU and by the clock.
fn shares(least: f64, ours: &Step, bare: &Step, against: Verdict) -> Vec<Verdict> {
    vec![
        Verdict::at_least("requests per CPU second", least, "× bare", bare.cpu_us / ours.cpu_us),
        Verdict::at_least("requests per second", least, "× bare", ours.per_second / bare.per_second),
        against,
    ]
}
