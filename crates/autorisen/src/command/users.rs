//! `users list | add | freeze | sign-out`: what an operator does on the machine.

use host::telemetry::Stream;
use identity::accounts::{self, AccountLine, NewAccount};
use kernel::{MailAddress, Secret};

use super::{Shared, log_to, say, tell};
use crate::App;
use crate::start::{Ended, migrate};

/// Look after accounts.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Users {
    /// List all accounts.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        shared: Shared,
    },
    /// Make an account with an organization of its own; prints a password that was made for it.
    Add {
        email: MailAddress,
        /// The person's name.
        #[arg(long)]
        name: String,
        /// The organization's name.
        #[arg(long)]
        org: String,
        #[command(flatten)]
        shared: Shared,
    },
    /// Close every way in for an account, within seconds.
    Freeze {
        email: MailAddress,
        /// Open them again.
        #[arg(long)]
        undo: bool,
        #[command(flatten)]
        shared: Shared,
    },
    /// End every session of an account, within seconds; its owner may sign in again.
    SignOut {
        email: MailAddress,
        #[command(flatten)]
        shared: Shared,
    },
}

impl Users {
    const fn shared(&self) -> &Shared {
        match self {
            Self::List { shared, .. } | Self::Add { shared, .. } | Self::Freeze { shared, .. } | Self::SignOut { shared, .. } => shared,
        }
    }
}

pub(super) async fn run(app: App, asked: Users) -> Result<(), Ended> {
    let prepared = app.prepare(asked.shared().sources())?;
    log_to(&prepared, Stream::Stderr);
    let core = prepared.open().await?;
    if prepared.environment().is_dev() {
        migrate(&prepared, &core).await?;
        crate::dev::restore_clock(&core).await?;
    }
    match asked {
        Users::List { json, .. } => list(&accounts::list(&core).await?, json)?,
        Users::Add { email, name, org, .. } => {
            let password = kernel::chance::token();
            let new = NewAccount { email, password: Secret::new(password.expose()), full_name: name, org_name: org, org_slug: None };
            let made = accounts::add(&core, new).await.map_err(kernel::Failed::into_failure)?;
            tell(&format!("{} may sign in with this password and should change it:", made.email));
            say(password.expose());
        }
        Users::Freeze { email, undo, .. } => {
            known(&email, accounts::freeze(&core, &email, !undo).await.map_err(kernel::Failed::into_failure)?)?;
            tell(&format!("{email} is {}", if undo { "open again" } else { "frozen" }));
        }
        Users::SignOut { email, .. } => {
            known(&email, accounts::sign_out(&core, &email).await?)?;
            tell(&format!("every session of {email} has ended"));
        }
    }
    core.store.close().await;
    Ok(())
}

fn known(email: &MailAddress, is_known: bool) -> Result<(), Ended> {
    let nobody = || Ended::failed(format!("no account has the address {email}")).hint("autorisen users list");
    if is_known { Ok(()) } else { Err(nobody()) }
}

fn list(lines: &[AccountLine], json: bool) -> Result<(), Ended> {
    if json {
        say(&serde_json::to_string(lines).map_err(|error| Ended::failed(error.to_string()))?);
        return Ok(());
    }
    for line in lines {
        let state = match (line.is_active, line.email_verified_at) {
            (false, _) => "frozen",
            (true, None) => "unverified",
            (true, Some(_)) => "active",
        };
        say(&format!("{}  {:10}  {}  {}", line.id, state, line.email, line.full_name));
    }
    Ok(())
}
