//! One JSON object per line.

use std::fmt;

use kernel::Clock;
use serde_json::{Map, Value};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent};
use tracing_subscriber::registry::LookupSpan;

use super::Telemetry;
use super::fields::{Fields, of_spans};

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
    fn format_event(&self, ctx: &FmtContext<'_, S, JsonFields>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::of(event);
        let mut around = of_spans(ctx);
        let message = fields.take_text("message").filter(|text| !text.is_empty());
        let named = fields.take_text("event");
        let name = named.clone().or_else(|| message.clone()).unwrap_or_default();

        let mut line = Line::default();
        line.put("event", &name.as_str().into());
        line.put("timestamp", &self.clock.now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true).into());
        line.put("level", &event.metadata().level().as_str().to_ascii_lowercase().into());
        line.put("logger", &event.metadata().target().into());
        if name == REQUEST {
            for field in REQUEST_FIELDS {
                let value = fields.take(field).or_else(|| around.remove(field)).filter(|value| value != "");
                line.put(field, &value.unwrap_or(Value::Null));
            }
        } else {
            others(&mut line, message.filter(|_| named.is_some()), fields, around);
        }
        line.put("app", &self.app.into());
        line.put("environment", &self.environment.into());
        writeln!(out, "{}}}", line.0)
    }
}

fn others(line: &mut Line, message: Option<String>, fields: Fields, mut around: Map<String, Value>) {
    if let Some(message) = message {
        line.put("message", &message.into());
    }
    // What the process says about itself comes last and can't be said by anybody else.
    let own = |name: &str| matches!(name, "app" | "environment");
    for (name, value) in fields.0.iter().filter(|(name, _)| !own(name)) {
        around.remove(*name);
        line.put(name, value);
    }
    for (name, value) in around.iter().filter(|(name, _)| !own(name)) {
        line.put(name, value);
    }
}

/// A JSON object that keeps the order of its fields, and the first value of a name.
#[derive(Default)]
struct Line(String, Vec<String>);

impl Line {
    fn put(&mut self, name: &str, value: &Value) {
        if self.1.iter().any(|known| known == name) {
            return;
        }
        self.1.push(name.to_owned());
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push_str(&Value::from(name).to_string());
        self.0.push(':');
        self.0.push_str(&value.to_string());
    }
}
