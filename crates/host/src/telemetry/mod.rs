//! Telemetry: where log lines go and what they look like. One JSON object per line for machines,
//! a compact form on a terminal.

mod fields;
mod json;
mod text;

use std::io::IsTerminal as _;

use kernel::Clock;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::{Environment, LogFormat};
use json::JsonLines;
use text::TextLines;

/// Libraries that tell more than anybody wants at `info`; `log.level` may still ask for them.
const QUIET: &str = "sqlx=warn,sea_orm=warn,sea_orm_migration=warn,hyper=warn,hyper_util=warn,reqwest=warn,rustls=warn,h2=warn";

/// Where the lines go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// For a server: its lines are what it has to say.
    Stdout,
    /// For a command, whose data goes to standard output.
    Stderr,
}

/// How a process logs.
#[derive(Debug, Clone)]
pub struct Telemetry {
    pub app: &'static str,
    pub environment: Environment,
    pub level: String,
    pub format: LogFormat,
    pub stream: Stream,
    /// Colours on a terminal.
    pub colour: bool,
    pub clock: Clock,
}

/// Reads `log.level`; the error says what was expected.
pub(crate) fn filter(level: &str) -> Result<EnvFilter, String> {
    let expected = || "expected error, warn, info, debug or trace, also per part as in `info,recovery=debug`".to_owned();
    // The filter takes a word that is no level for the name of a part, and would then show nothing.
    let is_level = |part: &str| part.rsplit('=').next().is_some_and(|level| level.trim().parse::<LevelFilter>().is_ok());
    if !level.split(',').all(is_level) {
        return Err(expected());
    }
    EnvFilter::builder().parse(format!("{QUIET},{level}")).map_err(|_| expected())
}

/// Sends all log lines of the process where `telemetry` says, panics included. Only the first call
/// has an effect: `false` when there was one before.
pub fn init(telemetry: &Telemetry) -> bool {
    let Ok(filter) = filter(&telemetry.level) else { return false };
    let subscriber = Registry::default().with(layer(telemetry).with_filter(filter));
    let first = tracing::subscriber::set_global_default(subscriber).is_ok();
    if first {
        log_panics();
    }
    first
}

fn layer(telemetry: &Telemetry) -> Box<dyn Layer<Registry> + Send + Sync> {
    let terminal = match telemetry.stream {
        Stream::Stdout => std::io::stdout().is_terminal(),
        Stream::Stderr => std::io::stderr().is_terminal(),
    };
    let json = match telemetry.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !terminal,
    };
    let layer = tracing_subscriber::fmt::layer().fmt_fields(JsonFields::new());
    match (json, telemetry.stream) {
        (true, Stream::Stdout) => layer.event_format(JsonLines::new(telemetry)).boxed(),
        (true, Stream::Stderr) => layer.event_format(JsonLines::new(telemetry)).with_writer(std::io::stderr).boxed(),
        (false, Stream::Stdout) => layer.event_format(TextLines::new(telemetry, terminal)).boxed(),
        (false, Stream::Stderr) => layer.event_format(TextLines::new(telemetry, terminal)).with_writer(std::io::stderr).boxed(),
    }
}

/// A panic is a log line like any other, so that it reaches whoever reads the logs.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let said = panic.payload().downcast_ref::<&str>().map(|text| (*text).to_owned());
        let said = said.or_else(|| panic.payload().downcast_ref::<String>().cloned()).unwrap_or_default();
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(event = "host.panicked", place, "{said}");
    }));
}

#[cfg(test)]
mod tests;
