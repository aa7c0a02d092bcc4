//! `config check | explain | list`.

use host::Setting;

use super::{Shared, say, tell};
use crate::App;
use crate::start::Ended;

/// Look at the settings in force.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum ConfigCommand {
    /// Say what is wrong with the settings, if anything.
    Check(Shared),
    /// Say what one key means, its value in force and where it comes from.
    Explain {
        /// The dotted key, such as `server.port`.
        key: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        shared: Shared,
    },
    /// List every key with its value in force and its origin; secrets as `***`.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        shared: Shared,
    },
}

pub(super) fn run(app: App, asked: ConfigCommand) -> Result<(), Ended> {
    match asked {
        ConfigCommand::Check(shared) => {
            let prepared = app.prepare(shared.sources())?;
            tell(&format!("the settings for {} are fine", prepared.environment()));
            Ok(())
        }
        ConfigCommand::Explain { key, json, shared } => {
            let prepared = app.prepare(shared.sources())?;
            let setting = prepared.config().explain(&key)?;
            if json {
                return print_json(&setting);
            }
            explain(&setting);
            Ok(())
        }
        ConfigCommand::List { json, shared } => {
            let settings = app.prepare(shared.sources())?.config().list();
            if json {
                return print_json(&settings);
            }
            let width = settings.iter().map(|setting| setting.key.len()).max().unwrap_or(0);
            for s in &settings {
                say(&format!("{:width$}  {}  ({})", s.key, s.value, s.origin));
            }
            Ok(())
        }
    }
}

fn print_json<T: serde::Serialize>(value: &T) -> Result<(), Ended> {
    say(&serde_json::to_string(value).map_err(|error| Ended::failed(error.to_string()))?);
    Ok(())
}

fn explain(setting: &Setting) {
    say(&format!("{} = {}", setting.key, setting.value));
    say(&format!("  {}", setting.doc));
    say(&format!("  from     {}", setting.origin));
    say(&format!("  default  {}", setting.default));
    if !setting.env.is_empty() {
        say(&format!("  set by   {}", setting.env.join(", ")));
    }
}
