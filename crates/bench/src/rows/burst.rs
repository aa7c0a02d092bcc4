//! Two hundred sign-ins at once: the memory they take, and what everybody else notices.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::time::sleep;

use super::Bench;
use crate::figures::{Single, Verdict, short};
use crate::load::{self, Outcome, Until, drive};
use crate::process::forget_peak;
use crate::product::{Environment, Product, sign_in_request};

const SIGN_INS: u64 = 200;
/// Others who go on working: few enough that the machine is not busy with them alone.
const OTHERS: u64 = 4;
/// The pause of each of the others between two requests.
const PAUSE: Duration = Duration::from_millis(5);
const MEMORY_MB: f64 = 256.0;
/// How much longer the others may wait.
const LONGER: f64 = 2.0;

pub async fn measure(bench: &Bench<'_>) -> Result<Vec<Single>> {
    let (product, _) = bench.site.serve(Environment::Staging).await?;
    let person = product.sign_in(&bench.password).await?;
    let request = load::get("/v1/customers?limit=20", &person.token);
    let ask = |_: u64| request.clone();
    drive(product.address, OTHERS, Until::Count(200), 0, &ask).await?.all(200)?;
    let span = Duration::from_secs(if bench.plan.quick { 2 } else { 6 });
    let before = others(&product, Instant::now() + span, &request).await?;
    forget_peak(product.id())?;
    let sign_in = |_: u64| sign_in_request(&bench.password);
    let storm = drive(product.address, SIGN_INS, Until::Count(1), 0, &sign_in);
    let (storm, during) = futures::try_join!(storm, others(&product, Instant::now() + span, &request))?;
    let peak = product.memory()?.peak_mb;
    let storm = storm.all(200)?;
    let engine = Some(bench.site.database.engine());
    let (calm, busy) = (before.within_ms(0.99), during.within_ms(0.99));
    Ok(vec![
        Single {
            what: format!("peak memory of {SIGN_INS} sign-ins at once (the last one in after {} s)", short(storm.within_ms(1.0) / 1000.0)),
            engine,
            figure: format!("{} MB", short(peak)),
            verdict: Some(Verdict::at_most("", MEMORY_MB, "MB", peak)),
        },
        Single {
            what: format!("p99 of other requests meanwhile ({} ms before)", short(calm)),
            engine,
            figure: format!("{} ms", short(busy)),
            verdict: Some(Verdict::at_most("", LONGER, "× before", busy / calm)),
        },
    ])
}

/// Asks at a steady pace, so that a slow answer is not hidden by asking less.
async fn others(product: &Product, until: Instant, request: &[u8]) -> Result<Outcome> {
    let mut lines = Vec::new();
    for _ in 0..OTHERS {
        lines.push(load::Line::open(product.address).await?);
    }
    let talks = lines.into_iter().map(|mut line| async move {
        let mut latencies = Vec::new();
        while Instant::now() < until {
            let began = Instant::now();
            line.ask(request).await?;
            latencies.push(began.elapsed());
            sleep(PAUSE).await;
        }
        anyhow::Ok(latencies)
    });
    let mut latencies = futures::future::try_join_all(talks).await?.concat();
    latencies.sort_unstable();
    Ok(Outcome { latencies, ..Outcome::default() })
}
