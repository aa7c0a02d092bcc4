//! The product itself, started in this process.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use anyhow::{Context as _, Result};
use autorisen::command::log_to;
use autorisen::host::telemetry::Stream;
use autorisen::host::{Boot, Roles, Running, Sources};
use autorisen::kernel::Clock;
use autorisen::{Core, Ended, standard};

/// What is logged beside a demo unless somebody asks for more. That a forged webhook is refused is a
/// part of the story and no warning there.
const LOG_LEVEL: &str = "warn,billing::intake::webhook=error";
/// Variables that choose the database and the log. All others stay outside, and so do settings
/// files: a demo must never send its mails through somebody's real server.
const VARS_KEPT: [&str; 9] =
    ["DATABASE_URL", "POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB", "LOG_LEVEL", "LOG_FORMAT", KEY];
const KEY: &str = "AUTORISEN_MASTER_KEY";

/// Environments with real data.
const REAL: [&str; 2] = ["staging", "production"];
/// The exit code of what is refused for safety.
const REFUSED: u8 = 5;

/// A server that answers on loopback.
pub struct Server {
    /// Its address, without a slash at the end.
    pub base: String,
    running: Running,
}

impl Server {
    /// Starts it on `port`, with its files in `folder` and with the clock that the demo moves.
    /// Refuses where real data may be near: a demo migrates its database and moves its clock.
    pub async fn start(process: &Sources, folder: &Path, port: u16, clock: Clock) -> Result<Self, Ended> {
        refuse_near_real_data(process)?;
        let base = format!("http://{}:{port}", Ipv4Addr::LOCALHOST);
        let sources = sources(process, folder).set("server.port", port.to_string()).set("server.public_url", &base);
        let prepared = Boot::new("autorisen", standard()).sources(sources).clock(clock).prepare()?;
        log_to(&prepared, Stream::Stderr);
        let started = autorisen::start(&prepared, Roles::ALL).await?;
        Ok(Self { base, running: started.running })
    }

    pub fn core(&self) -> &Core {
        &self.running.core
    }

    /// The running process, for whoever serves on.
    pub fn into_running(self) -> Running {
        self.running
    }

    pub async fn stop(self) {
        self.running.stop().await;
    }
}

fn refuse_near_real_data(process: &Sources) -> Result<(), Ended> {
    let environment = process.vars.get("AUTORISEN_ENV").map(String::as_str).unwrap_or_default();
    if !REAL.contains(&environment) {
        return Ok(());
    }
    let what = format!("AUTORISEN_ENV is {environment}, and a demo makes up data and moves the clock");
    Err(Ended { code: REFUSED, what, hint: Some("unset AUTORISEN_ENV, and DATABASE_URL as well".to_owned()) })
}

fn sources(process: &Sources, folder: &Path) -> Sources {
    let kept = process.vars.iter().filter(|(name, _)| VARS_KEPT.contains(&name.as_str()));
    let mut vars: std::collections::BTreeMap<_, _> = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
    if let Some(url) = vars.get_mut("DATABASE_URL") {
        *url = from_here(url);
    }
    let has_database = ["DATABASE_URL", "POSTGRES_HOST"].iter().any(|name| vars.contains_key(*name));
    let level = if vars.contains_key("LOG_LEVEL") { None } else { Some(LOG_LEVEL) };
    let sources = Sources { vars, dir: folder.to_owned(), data_dir: Some(folder.to_owned()), ..Sources::empty() };
    // The usual port of the metrics may be taken by the product itself.
    let sources = sources.var("AUTORISEN_ENV", "demo").set("metrics.port", "0").set("server.listen", Ipv4Addr::LOCALHOST.to_string());
    let sources = level.into_iter().fold(sources, |sources, level| sources.set("log.level", level));
    if sources.vars.contains_key(KEY) || !has_database { sources } else { sources.set("security.master_key", key_of_made_up_data()) }
}

/// The folder with its key file goes away with the demo, but a database that it was given stays, and
/// the next demo on it has to read what this one sealed. Nothing in it is anybody's secret.
fn key_of_made_up_data() -> String {
    (0..32).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

/// A file that is named from the working folder stays where it is meant.
fn from_here(url: &str) -> String {
    let Some(path) = url.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path)) else { return url.to_owned() };
    match std::path::absolute(path) {
        Ok(path) if !path.as_os_str().is_empty() => format!("sqlite:{}", path.display()),
        _ => url.to_owned(),
    }
}

/// A port that nobody uses.
pub fn free_port() -> Result<u16> {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("there is no free port on loopback")?;
    Ok(socket.local_addr().context("a bound socket has an address")?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobodys_own_settings_reach_the_demo() {
        let process =
            Sources::empty().var("SMTP_URL", "smtp://mail.test").var("AUTORISEN_ENV", "test").var("DATABASE_URL", "postgres://a@b/c");
        let sources = sources(&process, Path::new("/tmp/x"));
        let vars: Vec<_> = sources.vars.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(vars, ["AUTORISEN_ENV=demo", "DATABASE_URL=postgres://a@b/c"]);
    }

    #[test]
    fn a_database_that_stays_is_opened_by_the_same_key_again() {
        let key = |process: Sources| sources(&process, Path::new("/tmp/x")).overrides.get("security.master_key").cloned();
        let given = || Sources::empty().var("DATABASE_URL", "postgres://a@b/c");
        assert!(key(given()).is_some() && key(given()) == key(given()));
        assert_eq!(key(given().var(KEY, "one of their own")), None);
        assert_eq!(key(Sources::empty()), None, "the folder has a key file");
    }

    #[test]
    fn a_demo_stays_away_from_real_data() {
        let of = |environment| refuse_near_real_data(&Sources::empty().var("AUTORISEN_ENV", environment)).map_err(|ended| ended.code);
        assert_eq!((of("development"), of("staging"), of("production")), (Ok(()), Err(5), Err(5)));
        assert!(refuse_near_real_data(&Sources::empty()).is_ok());
    }

    #[test]
    fn a_file_is_meant_from_the_working_folder() {
        assert!(from_here("sqlite:x.db").ends_with("/x.db"));
        assert_eq!(from_here("sqlite:///y.db"), "sqlite:/y.db");
        assert_eq!(from_here("postgres://a@b/c"), "postgres://a@b/c");
    }
}
