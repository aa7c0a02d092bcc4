//! Collecting the fields of an event and of the spans around it.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::fmt::{FmtContext, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// Fields that most events stay below.
const USUAL: usize = 12;
/// Bytes that the texts of most events stay below.
const USUAL_BYTES: usize = 256;

/// A value of a field; a text stands in the buffer of its event.
#[derive(Debug, Clone, Copy)]
enum Kept {
    Bool(bool),
    I64(i64),
    U64(u64),
    F64(f64),
    Text { from: usize, to: usize },
}

/// The same, with its text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Said<'a> {
    Bool(bool),
    I64(i64),
    U64(u64),
    F64(f64),
    Text(&'a str),
}

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::I64(value) => value.fmt(f),
            Self::U64(value) => value.fmt(f),
            // As JSON has it: `3.0` rather than `3`, and no word for what is no number.
            Self::F64(value) => Value::from(*value).fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// The fields of one event, in the order they were written. All texts lie in one buffer, because a
/// line is written for every request.
pub(super) struct Fields {
    all: Vec<(&'static str, Kept)>,
    texts: String,
}

impl Fields {
    pub(super) fn of(event: &Event<'_>) -> Self {
        let mut fields = Self { all: Vec::with_capacity(USUAL), texts: String::with_capacity(USUAL_BYTES) };
        event.record(&mut fields);
        fields
    }

    fn said(&self, kept: Kept) -> Said<'_> {
        match kept {
            Kept::Bool(value) => Said::Bool(value),
            Kept::I64(value) => Said::I64(value),
            Kept::U64(value) => Said::U64(value),
            Kept::F64(value) => Said::F64(value),
            Kept::Text { from, to } => Said::Text(&self.texts[from..to]),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<Said<'_>> {
        let (_, kept) = self.all.iter().find(|(known, _)| *known == name)?;
        Some(self.said(*kept))
    }

    /// A field that is a text and not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Said::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// All fields but those that every line has in a place of their own.
    pub(super) fn others(&self) -> impl Iterator<Item = (&'static str, Said<'_>)> {
        let own = |name: &str| matches!(name, "event" | "message");
        self.all.iter().filter(move |(name, _)| !own(name)).map(|(name, kept)| (*name, self.said(*kept)))
    }

    fn keep_text(&mut self, field: &Field, write: impl FnOnce(&mut String)) {
        let from = self.texts.len();
        write(&mut self.texts);
        self.all.push((field.name(), Kept::Text { from, to: self.texts.len() }));
    }
}

impl Visit for Fields {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.all.push((field.name(), Kept::Bool(value)));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.all.push((field.name(), Kept::I64(value)));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.all.push((field.name(), Kept::U64(value)));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.all.push((field.name(), Kept::F64(value)));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.keep_text(field, |texts| texts.push_str(value));
    }

    // Writing into a text does not fail; a value whose own form fails is cut short there.
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.keep_text(field, |texts| {
            let _ = write!(texts, "{value}");
        });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.keep_text(field, |texts| {
            let _ = write!(texts, "{value:?}");
        });
    }
}

/// The fields of the spans around the event, the inner ones over the outer ones: they tie all
/// lines of one request together. Only spans whose written fields are `wanted` are read.
pub(super) fn of_spans<S>(ctx: &FmtContext<'_, S, JsonFields>, wanted: impl Fn(&str) -> bool) -> Map<String, Value>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let mut all = Map::new();
    for span in ctx.event_scope().into_iter().flat_map(tracing_subscriber::registry::Scope::from_root) {
        let extensions = span.extensions();
        let fields = extensions.get::<FormattedFields<JsonFields>>().map(|fields| fields.fields.as_str()).filter(|fields| wanted(fields));
        if let Some(Ok(Value::Object(fields))) = fields.map(serde_json::from_str) {
            all.extend(fields);
        }
    }
    all
}
