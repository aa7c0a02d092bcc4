//! The table of a run.

use testkit::json;

use crate::series::Tally;

/// One line of the table.
pub struct Line {
    pub fault: &'static str,
    pub engine: &'static str,
    pub tally: Tally,
}

/// The lines as a table of Markdown, as docs/faults.md shows them.
pub fn table(lines: &[Line]) -> String {
    let mut text = String::from(
        "| fault | engine | rounds | acknowledged | lost | doubled | other breaches | ready in ms (half, worst) | notes |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n",
    );
    for group in lines.chunk_by(|one, next| one.fault == next.fault) {
        for line in group {
            row(&mut text, line.fault, line.engine, &line.tally);
        }
        if group.len() > 1 {
            let sum = group.iter().fold(Tally::default(), |sum, line| sum.and(line.tally.clone()));
            row(&mut text, group[0].fault, "both", &Tally { notes: Vec::new(), counts: Default::default(), ..sum });
        }
    }
    text
}

fn row(text: &mut String, fault: &str, engine: &str, tally: &Tally) {
    let ready = match (tally.median_ms(), tally.slowest_ms()) {
        (Some(half), Some(worst)) => format!("{half}, {worst}"),
        _ => "-".to_owned(),
    };
    text.push_str(&format!(
        "| {fault} | {engine} | {} | {} | {} | {} | {} | {ready} | {} |\n",
        tally.rounds,
        tally.acknowledged,
        tally.lost,
        tally.doubled,
        tally.broken,
        tally.remarks().join("; ")
    ));
}

/// The same for programs, one object per line.
pub fn jsonl(lines: &[Line]) -> String {
    let object = |line: &Line| {
        let tally = &line.tally;
        json!({"fault": line.fault, "engine": line.engine, "rounds": tally.rounds, "acknowledged": tally.acknowledged, "lost": tally.lost,
               "doubled": tally.doubled, "broken": tally.broken, "ready_ms_half": tally.median_ms().map(|ms| ms as u64),
               "ready_ms_worst": tally.slowest_ms().map(|ms| ms as u64), "notes": tally.remarks(), "breaches": tally.breaches,
               "took_s": tally.took.as_secs()})
    };
    lines.iter().map(object).fold(String::new(), |text, object| text + &object.to_string() + "\n")
}
