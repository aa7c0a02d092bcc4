//! `migrate plan`: what would run, as SQL on stdout; what to know about it on stderr.

use std::path::PathBuf;

use host::Prepared;
use store::{Location, StatementText, StepText};

use crate::command::{Shared, say, tell};
use crate::start::Ended;

/// Print what `up` would run, in SQL; what may lose data is marked.
#[derive(Debug, Clone, clap::Args)]
pub struct PlanCommand {
    /// Every step, applied or not; asks no database.
    #[arg(long)]
    all: bool,
    /// In the words of this engine rather than of the one in force; every step, then.
    #[arg(long, value_name = "ENGINE")]
    engine: Option<Words>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) shared: Shared,
}

/// The engines that a plan can be told in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Words {
    Sqlite,
    Postgres,
}

pub(super) async fn print(prepared: &Prepared, asked: &PlanCommand) -> Result<(), Ended> {
    let (plan, in_force) = (prepared.plan(), prepared.location());
    let stand_in = asked.engine.filter(|words| (*words == Words::Sqlite) != prepared.is_embedded()).map(stand_in);
    let all = plan.names();
    let names = if asked.all || stand_in.is_some() { all } else { pending(prepared, all).await? };
    let steps = plan.text(stand_in.as_ref().unwrap_or(in_force), &names)?;
    if asked.json {
        let steps: Vec<_> = steps.iter().map(json).collect();
        say(&serde_json::Value::from(steps).to_string());
    } else {
        steps.iter().for_each(tell_step);
    }
    let destructive = steps.iter().flat_map(|step| &step.statements).filter(|statement| statement.destroys.is_some()).count();
    tell(&match (steps.len(), destructive) {
        (0, _) => "nothing is pending".to_owned(),
        (steps, 0) => format!("{steps} steps, none of which loses data"),
        (steps, some) => {
            format!("{steps} steps; {some} statements are destructive: make a backup first, and see that no older version still runs")
        }
    });
    Ok(())
}

/// The other engine, with the names that the program gives its roles.
fn stand_in(words: Words) -> Location {
    match words {
        Words::Sqlite => Location::Sqlite(PathBuf::new()),
        Words::Postgres => Location::Postgres { owner: String::new(), app: None, system: None },
    }
}

async fn pending(prepared: &Prepared, all: Vec<&'static str>) -> Result<Vec<&'static str>, Ended> {
    let found = store::inspect(prepared.location()).await.map_err(|error| {
        let ended = Ended::unreachable(format!("the database can't be asked what is pending: {error}"));
        ended.hint(prepared.database_hint().unwrap_or_else(|| "--all shows every step without asking".to_owned()))
    })?;
    let applied = found.and_then(|facts| facts.applied).unwrap_or_default();
    Ok(all.into_iter().filter(|name| !applied.iter().any(|known| known == name)).collect())
}

fn tell_step(step: &StepText) {
    say(&format!("-- {}", step.name));
    for StatementText { sql, destroys } in &step.statements {
        if let Some(why) = destroys {
            say(&format!("-- DESTRUCTIVE: {why}"));
        }
        say(&format!("{};", sql.trim_end_matches(';')));
    }
    say("");
}

fn json(step: &StepText) -> serde_json::Value {
    let statements = step.statements.iter().map(|statement| serde_json::json!({"sql": statement.sql, "destroys": statement.destroys}));
    serde_json::json!({"name": step.name, "statements": statements.collect::<Vec<_>>()})
}
