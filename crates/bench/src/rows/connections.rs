//! What an idle connection costs: memory with ten thousand of them, each of which spoke once.

use anyhow::{Result, ensure};

use super::Bench;
use crate::figures::{Single, Verdict, short};
use crate::load::{self, Line};
use crate::product::Environment;

const CONNECTIONS: u32 = 10_000;
const MEMORY_MB: f64 = 512.0;

pub async fn measure(bench: &Bench<'_>) -> Result<Single> {
    let (product, _) = bench.site.serve(Environment::Staging).await?;
    let before = product.memory()?.now_mb;
    let request = load::get("/livez", "");
    let mut lines = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut line = Line::open(product.address).await?;
        ensure!(line.ask(&request).await?.0 == 200, "a connection was refused");
        lines.push(line);
    }
    let held = product.memory()?.now_mb;
    // The first and the last still answer: none was closed to make room.
    for place in [0, lines.len() - 1] {
        ensure!(lines[place].ask(&request).await?.0 == 200, "connection {place} was closed meanwhile");
    }
    Ok(Single {
        what: format!("resident memory with 10,000 idle connections ({} MB without)", short(before)),
        engine: Some(bench.site.database.engine()),
        figure: format!("{} MB", short(held)),
        verdict: Some(Verdict::at_most("", MEMORY_MB, "MB", held)),
    })
}
