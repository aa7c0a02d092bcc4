//! `smoke`: tries a server that runs as a stranger would, from outside: is it well, are its pages
//! whole, and can somebody really sign up.
//!
//! It knows nothing of the server but its address, so it works against any of them. It leaves one
//! account behind each time it may register.

mod answer;
mod mailbox;
mod outside;
mod report;
mod signup;

use autorisen::Ended;
use reqwest::Url;

use self::answer::Visitor;
use self::mailbox::Mailbox;
use self::report::Report;
use crate::player;
use crate::terminal::say;

/// Try a server that runs: its health, its pages, and whether somebody can sign up.
#[derive(Debug, Clone, clap::Args)]
pub struct Smoke {
    /// Where the server is reached, such as `https://app.example.com`.
    url: Url,
    /// A mailbox that gets the server's mail: `/dev/mail/messages` of a development server, or the list of
    /// messages of MailDev (`/email`) or Mailpit (`/api/v1/messages`). Without one, the sign-up stops
    /// before the mail.
    #[arg(long, value_name = "URL")]
    mailbox: Option<Url>,
    /// The address that signs up; a number is put before the `@`, so that it is new each time.
    #[arg(long, value_name = "ADDRESS", default_value = "smoke@example.com")]
    email: autorisen::kernel::MailAddress,
    /// Don't sign up: nothing is written and no mail is sent.
    #[arg(long)]
    read_only: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub async fn run(asked: Smoke) -> Result<(), Ended> {
    for url in [Some(&asked.url), asked.mailbox.as_ref()].into_iter().flatten() {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(
                Ended { code: 2, ..Ended::failed(format!("{url} is no address of a server")) }.hint("write https://app.example.com")
            );
        }
    }
    let http = player::http().map_err(|error| Ended::failed(format!("{error:#}")))?;
    let visitor = Visitor::new(&http, &asked.url);
    if let Err(error) = visitor.get("/alive").await {
        let ended = Ended::unreachable(format!("{} does not answer: {error:#}", visitor.base()));
        return Err(ended.hint("is the address right, and does the server run? `autorisen doctor` on its machine says more"));
    }
    let mut report = Report::new(visitor.base());
    outside::check(&visitor, &mut report).await;
    if asked.read_only {
        report.skip("sign up", "nothing is written: --read-only");
    } else {
        let mailbox = asked.mailbox.map(|url| Mailbox::new(&http, url));
        signup::check(&visitor, mailbox, &asked.email, &mut report).await;
    }
    if asked.json {
        say(&report.json().to_string());
    } else {
        report.lines().iter().for_each(|line| say(line));
    }
    match report.failed() {
        0 => Ok(()),
        1 => Err(Ended::failed("one check failed")),
        many => Err(Ended::failed(format!("{many} checks failed"))),
    }
}
