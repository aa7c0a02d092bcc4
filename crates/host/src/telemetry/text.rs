//! Log lines for eyes: time of day, level, what happened, and the fields in grey.

use std::fmt;

use kernel::Clock;
use serde_json::Value;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent};
use tracing_subscriber::registry::LookupSpan;

use super::Telemetry;
use super::fields::{Fields, Said, of_spans};
use super::json::REQUEST;

pub(super) struct TextLines {
    clock: Clock,
    colour: bool,
}

impl TextLines {
    pub(super) fn new(telemetry: &Telemetry, terminal: bool) -> Self {
        Self { clock: telemetry.clock.clone(), colour: telemetry.colour && terminal }
    }

    /// `text` in an ANSI colour.
    fn paint(&self, code: u8, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn level(&self, level: Level) -> String {
        let (red, yellow, green, grey) = (31, 33, 32, 90);
        let code = match level {
            Level::ERROR => red,
            Level::WARN => yellow,
            Level::INFO => green,
            _ => grey,
        };
        self.paint(code, &format!("{level:<5}"))
    }
}

impl<S> FormatEvent<S, JsonFields> for TextLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, JsonFields>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let fields = Fields::of(event);
        let (name, message) = (fields.text("event"), fields.text("message"));
        write!(out, "{} {} ", self.paint(90, &self.clock.now().format("%H:%M:%S%.3f").to_string()), self.level(*event.metadata().level()))?;
        if name == Some(REQUEST) {
            let part = |field| fields.get(field).map(|said| one_line(&said.to_string())).unwrap_or_default();
            let (status, method, path, duration) = (part("status_code"), part("method"), part("path"), part("duration_ms"));
            return writeln!(out, "{status} {method} {path} {}", self.paint(90, &format!("{duration} ms")));
        }
        let said: Vec<_> = name.into_iter().chain(message).map(one_line).collect();
        write!(out, "{}", said.join(": "))?;
        let around = of_spans(ctx, |_| true);
        let request = around.get("request_id").and_then(Value::as_str).map(|id| ("request_id", Said::Text(id)));
        for (name, value) in fields.others().chain(request) {
            write!(out, " {}", self.paint(90, &format!("{name}={}", one_line(&value.to_string()))))?;
        }
        writeln!(out)
    }
}

/// The text without control characters: what a caller sent must not draw on the operator's screen
/// or pretend to be another line.
fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}
