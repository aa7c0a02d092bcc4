//! What durable work is left, said by a test that wanted none.

use flows::Left;
use host::Core;
use store::testing::{Texts, owner_texts};

/// The runs that are open, those that are due or in hand before those that wait for their time.
const OPEN: &str = "select workflow, dedupe_key, due_at, lease_until, worker, attempt, waiting_for, reason from flow_runs \
                    where state = 'open' order by due_at, id limit 20";

/// Demands that all work that was due is done.
pub async fn nothing_left(core: &Core, left: Left) {
    if left.due > 0 {
        let runs = owner_texts(&core.store, OPEN).await.expect("the owner reads every table");
        let runs: Vec<String> = runs.iter().map(said).collect();
        panic!("work is left that never ends: {} runs at {}; open are\n{}", left.due, core.clock.now(), runs.join("\n"));
    }
}

fn said(run: &Texts) -> String {
    let columns: Vec<String> = run.iter().map(|(name, value)| format!("{name}={}", value.as_deref().unwrap_or("-"))).collect();
    columns.join(" ")
}
