//! `doctor`: looks at everything that the program needs, says what is wrong, and names the command or
//! the setting that mends it. It changes nothing: no folder, no key, no role and no table is made.

mod database;
mod finding;
mod hashing;
mod machine;
mod network;
mod settings;

use std::time::Duration;

use host::{Boot, Examined, Prepared, Problem, Sources};
use serde::Serialize;

use self::finding::{Finding, State};
use self::hashing::Hashing;
use super::{Shared, say};
use crate::App;
use crate::start::Ended;

/// A file without any setting.
const NO_SETTINGS: &str = "/dev/null";

/// Say what is wrong here, and how to mend it.
#[derive(Debug, Clone, clap::Args)]
pub struct Doctor {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// How long one password hash should take on this machine, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = hashing::TARGET_MS, value_parser = clap::value_parser!(u64).range(10..=2000))]
    hash_target_ms: u64,
    #[command(flatten)]
    shared: Shared,
}

/// The report as data.
#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    environment: Option<&'static str>,
    findings: &'a [Finding],
    hashing: Option<&'a Hashing>,
}

pub(super) async fn run(app: App, asked: Doctor) -> Result<(), Ended> {
    let Examined { prepared, problems } = app.examine(asked.shared.sources());
    let mut findings = settings::problems(&problems);
    let target = Duration::from_millis(asked.hash_target_ms);
    let hashing = match &prepared {
        Some(prepared) => Some(look(&mut findings, prepared, &problems, target).await),
        None => look_at_the_machine(&mut findings, &asked.shared, target).await,
    };
    let faults = findings.iter().filter(|finding| finding.state == State::Fault).count();
    if asked.json {
        let environment = prepared.as_ref().map(|prepared| prepared.environment().name());
        let report = Report { ok: faults == 0, environment, findings: &findings, hashing: hashing.as_ref() };
        say(&serde_json::to_string(&report).map_err(|error| Ended::failed(error.to_string()))?);
    } else {
        for finding in &findings {
            say(&finding.lines());
        }
    }
    match faults {
        0 => Ok(()),
        1 => Err(Ended::failed("one thing is at fault")),
        many => Err(Ended::failed(format!("{many} things are at fault"))),
    }
}

/// Everything besides the settings themselves.
async fn look(findings: &mut Vec<Finding>, prepared: &Prepared, problems: &[Problem], target: Duration) -> Hashing {
    findings.extend(settings::look(prepared, problems));
    findings.extend(machine::look(prepared));
    findings.push(network::port(prepared, problems).await);
    findings.extend(database::look(prepared, problems).await);
    findings.extend(network::valkey(prepared, problems).await);
    findings.push(network::mail(prepared, problems).await);
    let (found, hashing) = hashing::look(prepared, target).await;
    findings.extend(found);
    hashing
}

/// What can be said where nothing of the settings can be read: the machine, held to the defaults.
async fn look_at_the_machine(findings: &mut Vec<Finding>, shared: &Shared, target: Duration) -> Option<Hashing> {
    for check in ["port", "database", "mail"] {
        findings.push(Finding::skipped(check, "the settings can't be read; they have to be mended first"));
    }
    let sources = Sources { data_dir: shared.data_dir.clone(), config: Some(NO_SETTINGS.into()), ..Sources::empty() };
    let prepared = Boot::new("doctor", vec![]).sources(sources).examine().prepared?;
    findings.extend(machine::look(&prepared));
    let (found, hashing) = hashing::look(&prepared, target).await;
    findings.extend(found);
    Some(hashing)
}

/// Whether something is wrong with a setting of this section, so that its value is not the one meant.
fn is_in_doubt(problems: &[Problem], section: &str) -> bool {
    problems.iter().any(|problem| problem.key.as_deref().is_some_and(|key| key.starts_with(section)))
}
