//! From the start of the process until `/readyz` says 200, and the memory it has then.

use std::time::Duration;

use anyhow::Result;

use super::{Bench, Plan};
use crate::database::{Database, Engine, Server};
use crate::figures::{Single, Verdict, median, short};
use crate::product::{Environment, Site};

/// Starts whose median counts: the first one also reads the program from the disk.
const STARTS: usize = 7;
/// What a start leaves behind is done after this long.
const SETTLE: Duration = Duration::from_secs(2);
const READY_MS: f64 = 300.0;
const IDLE_MB: f64 = 40.0;

pub async fn measure(plan: &Plan, engine: Engine, server: Option<&Server>) -> Result<Vec<Single>> {
    let mut all = vec![first(plan, engine, server).await?];
    let bench = Bench::fresh(plan, engine, server).await?;
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let (_product, took) = bench.site.serve(Environment::Staging).await?;
        times.push(took.as_secs_f64() * 1000.0);
    }
    let ready = median(times);
    let is_budgeted = engine == Engine::Sqlite;
    let budget = |verdict: Verdict| is_budgeted.then_some(verdict);
    all.push(Single {
        what: "ready after a start, schema in place".to_owned(),
        engine: Some(engine),
        figure: format!("{} ms", short(ready)),
        verdict: budget(Verdict::at_most("", READY_MS, "ms", ready)),
    });
    let (product, _) = bench.site.serve(Environment::Staging).await?;
    tokio::time::sleep(SETTLE).await;
    let idle = product.memory()?.now_mb;
    all.push(Single {
        what: "resident memory, idle".to_owned(),
        engine: Some(engine),
        figure: format!("{} MB", short(idle)),
        verdict: budget(Verdict::at_most("", IDLE_MB, "MB", idle)),
    });
    Ok(all)
}

/// The first start in an empty folder, which makes the whole schema.
async fn first(plan: &Plan, engine: Engine, server: Option<&Server>) -> Result<Single> {
    let mut times = Vec::new();
    for _ in 0..plan.runs {
        let folder = tempfile::tempdir()?;
        let database = Database::fresh(engine, folder.path(), server).await?;
        let site = Site { program: plan.program.clone(), folder: folder.path().to_owned(), database };
        let (_product, took) = site.serve(Environment::Development).await?;
        times.push(took.as_secs_f64() * 1000.0);
    }
    let took = median(times);
    Ok(Single {
        what: "ready after the very first start, schema made on the way".to_owned(),
        engine: Some(engine),
        figure: format!("{} ms", short(took)),
        verdict: (engine == Engine::Sqlite).then(|| Verdict::at_most("", READY_MS, "ms", took)),
    })
}
