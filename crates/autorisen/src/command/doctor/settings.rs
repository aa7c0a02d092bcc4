//! The settings and the secrets that they point to.

use host::{Origin, Prepared, Problem};

use super::finding::Finding;
use super::machine::mode_of;

const SETTINGS: &str = "settings";
const SECRETS: &str = "secrets";
const MAIL_SENDER: &str = "mail.from";

/// Where platforms mount secrets for one container: who reads there is inside already.
const MOUNTS: [&str; 2] = ["/run/secrets", "/var/run/secrets"];

/// What the boot would refuse, one finding each.
pub(super) fn problems(problems: &[Problem]) -> Vec<Finding> {
    let told = |problem: &Problem| {
        let origin = problem.origin.as_ref().filter(|origin| **origin != Origin::Default).map(|origin| format!("{origin}: "));
        let key = problem.key.as_ref().map(|key| format!("{key}: "));
        let what = format!("{}{}{}", origin.unwrap_or_default(), key.clone().unwrap_or_default(), problem.message);
        let hint = problem.hint.clone().or_else(|| problem.key.as_ref().map(|key| format!("autorisen config explain {key}")));
        let finding = Finding::fault(SETTINGS, what);
        match hint {
            Some(hint) => finding.hint(hint),
            None => finding,
        }
    };
    problems.iter().map(told).collect()
}

/// What is allowed and still not what an operator wants.
pub(super) fn look(prepared: &Prepared, problems: &[Problem]) -> Vec<Finding> {
    let mut found = Vec::new();
    if problems.is_empty() {
        found.push(Finding::ok(SETTINGS, format!("fine for {}", prepared.environment())));
    }
    for (key, warning) in prepared.registry().warnings() {
        found.push(Finding::warning(SETTINGS, format!("{key}: {warning}")).hint(format!("autorisen config explain {key}")));
    }
    found.push(master_key(prepared));
    found.extend(open_files(prepared));
    found.extend(sender(prepared));
    found
}

fn master_key(prepared: &Prepared) -> Finding {
    let keeps = prepared.location_is_made();
    match (prepared.has_master_key(), prepared.environment().is_dev()) {
        (true, _) => Finding::ok(SECRETS, "the master key is at hand"),
        (false, true) if keeps => {
            let what = "the database is there and the key file is not: what was sealed with the lost key can't be read any more";
            Finding::fault(SECRETS, what).hint("put master.key back into the data folder, or begin with a new data folder")
        }
        (false, true) => Finding::ok(SECRETS, "the first start makes a master key in the data folder"),
        (false, false) => {
            let hint = "openssl rand -hex 32 > master.key && chmod 600 master.key, and `security: {master_key: \"file:master.key\"}`";
            Finding::fault(SECRETS, format!("{} has no master key", prepared.environment())).hint(hint)
        }
    }
}

/// Secret files that others on this machine may read.
fn open_files(prepared: &Prepared) -> Vec<Finding> {
    let files = prepared.config().secret_files();
    let open = files.into_iter().filter(|(_, path)| {
        let is_mounted = MOUNTS.iter().any(|mount| path.starts_with(mount));
        !is_mounted && mode_of(path).is_some_and(|mode| mode & 0o077 != 0)
    });
    let told = |(key, path): (String, std::path::PathBuf)| {
        let path = path.display();
        Finding::warning(SECRETS, format!("{key}: others on this machine may read {path}")).hint(format!("chmod 600 {path}"))
    };
    open.map(told).collect()
}

/// Mail from `localhost` is thrown away by whoever gets it.
fn sender(prepared: &Prepared) -> Option<Finding> {
    let from = mail::sender(prepared.registry())?;
    let is_ours = !from.ends_with("@localhost");
    let what = format!("letters are sent from {from}, which no mail server takes");
    (!is_ours && !prepared.environment().is_dev())
        .then(|| Finding::warning(SETTINGS, format!("{MAIL_SENDER}: {what}")).hint("mail: {from: \"Name <no-reply@your.domain>\"}"))
}
