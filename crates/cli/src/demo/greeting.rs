//! What the demo says when it is ready: where everything is, and who may sign in.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use autorisen::host::Sources;
use autorisen::kernel::{Clock, Money};
use chrono::Duration;

use super::cast::{COMPANIES, Company, PASSWORD};
use super::history::{DAYS, Made};
use crate::terminal::{Look, Paint, say};

/// The pages worth a look.
const PAGES: [(&str, &str); 5] =
    [("sign in", "/signin"), ("dashboard", "/dashboard"), ("payments", "/payments"), ("mailbox", "/dev/mail"), ("reference", "/docs")];

/// The greeting, ready to print.
pub struct Greeting {
    base: String,
    /// What happened at each company, where it was made in this run.
    happened: Vec<(&'static Company, Option<String>)>,
}

impl Greeting {
    /// For a database that was there before; it tells of the companies that are in it.
    pub fn plain(base: &str, addresses: &[String]) -> Self {
        let is_here = |company: &&Company| company.members.iter().all(|member| addresses.iter().any(|known| known == member.email));
        Self { base: base.to_owned(), happened: COMPANIES.iter().filter(is_here).map(|company| (company, None)).collect() }
    }

    /// For what was just made.
    pub async fn of(base: &str, made: Vec<Made>) -> Result<Self> {
        let mut happened = Vec::new();
        for Made { company, mut office } in made {
            let from = Clock::system().now() - Duration::days(i64::try_from(DAYS).unwrap_or_default() + 1);
            let summary = office.clerk.get(&format!("/v1/analytics/summary?from={}", from.format("%Y-%m-%d"))).await?;
            let row = summary["currencies"].get(0).with_context(|| format!("nothing happened at {}", company.name))?;
            let number = |field: &str| row[field].as_i64().unwrap_or_default();
            let back = Money::new(row["amount_recovered"]["minor"].as_i64().unwrap_or_default(), company.currency.parse()?);
            let line = format!(
                "{} customers; {} payments failed, {} came back: {back}; {} still open",
                company.customers,
                number("opened"),
                number("recovered"),
                number("open")
            );
            happened.push((company, Some(line)));
        }
        Ok(Self { base: base.to_owned(), happened })
    }

    pub fn print(&self, process: &Sources) {
        let paint = Paint::of_stdout(process);
        say("");
        say(&format!("  {}  {}", paint.look(Look::Bold, "The demo is ready"), paint.look(Look::Address, &self.base)));
        for (company, happened) in &self.happened {
            say("");
            say(&format!("  {}", paint.look(Look::Bold, company.name)));
            if let Some(happened) = happened {
                say(&format!("    {happened}"));
            }
            for member in company.members {
                say(&format!("    {:<22}{:<8}{}", member.email, member.role, paint.look(Look::Dim, member.name)));
            }
        }
        say("");
        if !self.happened.is_empty() {
            say(&format!("  Everybody's password: {}", paint.look(Look::Bold, PASSWORD)));
            say("");
        }
        for (label, path) in PAGES {
            say(&format!("    {label:<12}{}", paint.look(Look::Address, &format!("{}{path}", self.base))));
        }
        say("");
        say(&paint.look(Look::Dim, "  Nothing here is real, and no mail leaves. Ctrl-C ends it."));
        say("");
    }
}

/// Shows the sign-in page where there is a screen. Whether it worked is not worth a word: the
/// address stands in the terminal.
pub fn open_browser(process: &Sources, base: &str) {
    let has_screen = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| process.vars.get(*name).is_some_and(|value| !value.is_empty()));
    let program = match std::env::consts::OS {
        "macos" => "open",
        _ if has_screen => "xdg-open",
        _ => return,
    };
    let mut command = Command::new(program);
    command.arg(format!("{base}/signin")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let _ = command.spawn();
}
