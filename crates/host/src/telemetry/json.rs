//! One JSON object per line.

use std::fmt;

use kernel::Clock;
use serde_json::{Map, Value};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent};
use tracing_subscriber::registry::LookupSpan;

use super::Telemetry;
use super::fields::{Fields, Said, of_spans};

/// The event that ends a request. Its line has exactly the fields below and no other, so that
/// whoever reads it needs to know only one shape.
pub(super) const REQUEST: &str = "http.request";

/// What a request's line carries between `logger` and `app`; null where it is not known.
const REQUEST_FIELDS: [&str; 7] = ["request_id", "method", "path", "status_code", "duration_ms", "user_id", "org_id"];

pub(super) struct JsonLines {
    app: &'static str,
    environment: &'static str,
    clock: Clock,
}

impl JsonLines {
    pub(super) fn new(telemetry: &Telemetry) -> Self {
        Self { app: telemetry.app, environment: telemetry.environment.name(), clock: telemetry.clock.clone() }
    }
}

impl<S> FormatEvent<S, JsonFields> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, JsonFields>, out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let fields = Fields::of(event);
        let (named, message) = (fields.text("event"), fields.text("message"));
        let name = named.or(message).unwrap_or_default();
        // A request's line says almost everything itself, and it is the one that is written most.
        let is_missing = |written: &str| REQUEST_FIELDS.iter().any(|name| fields.get(name).is_none() && written.contains(name));
        let around = of_spans(ctx, |written| name != REQUEST || is_missing(written));

        let mut line = Line { out, names: Vec::new() };
        line.text("event", name)?;
        line.text("timestamp", &self.clock.now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true))?;
        line.text("level", word(*event.metadata().level()))?;
        line.text("logger", event.metadata().target())?;
        if name == REQUEST {
            request(&mut line, &fields, &around)?;
        } else {
            others(&mut line, message.filter(|_| named.is_some()), &fields, &around)?;
        }
        line.text("app", self.app)?;
        line.text("environment", self.environment)?;
        writeln!(line.out, "}}")
    }
}

const fn word(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

fn request(line: &mut Line<'_>, fields: &Fields, around: &Map<String, Value>) -> fmt::Result {
    for name in REQUEST_FIELDS {
        match fields.get(name).filter(|said| *said != Said::Text("")) {
            Some(said) => line.said(name, said)?,
            None => line.value(name, around.get(name).filter(|value| *value != "").unwrap_or(&Value::Null))?,
        }
    }
    Ok(())
}

fn others(line: &mut Line<'_>, message: Option<&str>, fields: &Fields, around: &Map<String, Value>) -> fmt::Result {
    if let Some(message) = message {
        line.text("message", message)?;
    }
    // What the process says about itself comes last and can't be said by anybody else.
    let own = |name: &str| matches!(name, "app" | "environment");
    for (name, said) in fields.others().filter(|(name, _)| !own(name)) {
        line.once(name, |line| line.said(name, said))?;
    }
    for (name, value) in around.iter().filter(|(name, _)| !own(name)) {
        if fields.get(name).is_none() {
            line.once(name, |line| line.value(name, value))?;
        }
    }
    Ok(())
}

/// A JSON object in the making that keeps the order of its fields.
struct Line<'w> {
    out: Writer<'w>,
    names: Vec<String>,
}

/// Fields that every line has; what an event adds under such a name is not written.
const FIXED: [&str; 5] = ["event", "timestamp", "level", "logger", "message"];

impl Line<'_> {
    fn name(&mut self, name: &str) -> fmt::Result {
        // Only the first field is an `event`.
        self.out.write_char(if name == "event" { '{' } else { ',' })?;
        self.escaped(name)?;
        self.out.write_char(':')
    }

    fn text(&mut self, name: &str, text: &str) -> fmt::Result {
        self.name(name)?;
        self.escaped(text)
    }

    fn said(&mut self, name: &str, said: Said<'_>) -> fmt::Result {
        match said {
            Said::Text(text) => self.text(name, text),
            number => {
                self.name(name)?;
                write!(self.out, "{number}")
            }
        }
    }

    fn value(&mut self, name: &str, value: &Value) -> fmt::Result {
        self.name(name)?;
        write!(self.out, "{value}")
    }

    /// Writes a field unless one of its name was written before.
    fn once(&mut self, name: &str, write: impl FnOnce(&mut Self) -> fmt::Result) -> fmt::Result {
        if FIXED.contains(&name) || self.names.iter().any(|known| known == name) {
            return Ok(());
        }
        self.names.push(name.to_owned());
        write(self)
    }

    /// A JSON string (RFC 8259, 7): what needs no escape is written in one piece.
    fn escaped(&mut self, text: &str) -> fmt::Result {
        self.out.write_char('"')?;
        let mut plain = 0;
        for (at, byte) in text.bytes().enumerate() {
            if byte >= 0x20 && byte != b'"' && byte != b'\\' {
                continue;
            }
            self.out.write_str(&text[plain..at])?;
            plain = at + 1;
            match byte {
                b'"' => self.out.write_str("\\\"")?,
                b'\\' => self.out.write_str("\\\\")?,
                b'\n' => self.out.write_str("\\n")?,
                b'\r' => self.out.write_str("\\r")?,
                b'\t' => self.out.write_str("\\t")?,
                _ => write!(self.out, "\\u{byte:04x}")?,
            }
        }
        self.out.write_str(&text[plain..])?;
        self.out.write_char('"')
    }
}
