//! Working off a hundred due runs among ten thousand open ones, and among a million: it should cost
//! what is due, not what is open. In this process, by the engine that the product runs.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use autorisen::flows::{Engine as Worker, FlowCx, FlowFault, Flows as _, Workflow};
use autorisen::host::{Boot, Sources};
use autorisen::{Core, Module, Registry, standard};

use super::{Bench, Plan};
use crate::database::{Engine, Server};
use crate::figures::{Single, Verdict, median, short};

const DUE: u64 = 100;
const FEW: u64 = 10_000;
const MANY: u64 = 1_000_000;
/// How much more a scan may take among a hundred times as many.
const RATIO: f64 = 2.0;
/// Batches whose median counts.
const BATCHES: u64 = 9;
const NOTHING: Workflow<()> = Workflow::new("bench.nothing", 1);
/// A key of nobody's.
const MASTER_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// Brings a workflow that ends at once, so that only the engine is measured.
struct Idle;

impl Module for Idle {
    fn name(&self) -> &'static str {
        "bench"
    }

    fn register(&self, app: &mut Registry) {
        app.workflow(NOTHING, nothing);
    }
}

async fn nothing(_cx: FlowCx, _input: ()) -> Result<(), FlowFault> {
    Ok(())
}

pub async fn measure(plan: &Plan, engine: Engine, server: Option<&Server>) -> Result<Vec<Single>> {
    let bench = Bench::fresh(plan, engine, server).await?;
    let core = open(&bench.site.folder, &bench.site.database.url()).await?;
    let few = among(&bench, &core, 0, FEW).await?;
    let many = among(&bench, &core, FEW, MANY).await?;
    core.store.close().await;
    Ok(vec![
        Single {
            what: "working off 100 due runs of 10,000 open ones".to_owned(),
            engine: Some(engine),
            figure: format!("{} ms", short(few)),
            verdict: None,
        },
        Single {
            what: "the same of 1,000,000".to_owned(),
            engine: Some(engine),
            figure: format!("{} ms", short(many)),
            verdict: Some(Verdict::at_most("", RATIO, "× of 10,000", many / few)),
        },
    ])
}

async fn open(folder: &Path, url: &str) -> Result<Core> {
    let mut modules = standard();
    modules.push(Box::new(Idle));
    let sources = Sources { dir: folder.to_owned(), data_dir: Some(folder.to_owned()), ..Sources::empty() };
    let sources = sources
        .var("AUTORISEN_ENV", "staging")
        .var("DATABASE_URL", url)
        .var("AUTORISEN_MASTER_KEY", MASTER_KEY)
        .set("identity.registration", "closed");
    let prepared = Boot::new("autorisen", modules).sources(sources).prepare().context("the settings of the due row")?;
    prepared.open().await.map_err(|error| anyhow::anyhow!("{}", error.what))
}

/// Fills up to `open` runs that are due in a year, and times batches of due ones among them, in
/// milliseconds.
async fn among(bench: &Bench<'_>, core: &Core, from: u64, open: u64) -> Result<f64> {
    insert(bench, from, open, "bench.later", "+1 year").await?;
    bench.site.database.settle().await?;
    let worker = core.parts.get::<Worker>();
    let mut times = Vec::new();
    for batch in 0..=BATCHES {
        let first = open * 100 + batch * DUE;
        insert(bench, first, first + DUE, NOTHING.name(), "-1 minute").await?;
        let began = Instant::now();
        let left = worker.work_off(core, DUE).await?;
        times.push(began.elapsed().as_secs_f64() * 1000.0);
        ensure!(left.due == 0, "{} runs are still due", left.due);
    }
    // The first one opens connections and fills the statement caches.
    times.remove(0);
    Ok(median(times))
}

/// Open runs of the platform, numbered, due at one instant from now.
async fn insert(bench: &Bench<'_>, from: u64, to: u64, workflow: &str, due: &str) -> Result<()> {
    let columns =
        "id, created_at, updated_at, version, workflow, workflow_version, dedupe_key, input, state, due_at, started_at, attempt, fence";
    let sqlite = format!(
        "with recursive n(i) as (select {from} union all select i + 1 from n where i + 1 < {to}), \
         t(now, due) as (select strftime('%Y-%m-%dT%H:%M:%S', 'now') || '.000000Z', \
           strftime('%Y-%m-%dT%H:%M:%S', 'now', '{due}') || '.000000Z') \
         insert into flow_runs ({columns}) \
         select randomblob(16), now, now, 1, '{workflow}', 1, 'bench-' || i, 'null', 'open', due, now, 0, 0 from n, t"
    );
    let postgres = format!(
        "insert into flow_runs ({columns}) \
         select gen_random_uuid(), now(), now(), 1, '{workflow}', 1, 'bench-' || i, 'null', 'open', now() + interval '{due}', now(), 0, 0 \
         from generate_series({from}, {to} - 1) i"
    );
    bench.site.database.run(&sqlite, &postgres).await
}
