//! A verdict while its sources are being heard.

use super::class::{Class, Confidence, Hardness, Source};
use super::table::{Mark, Origin, Row, Sentence, Table};
use super::{Decline, RawDecline};

const SECONDS_PER_HOUR: i64 = 3600;
/// A caller's code is repeated in the reason; more than this is not a code.
const SHOWN_CHARS_MAX: usize = 40;

/// Lower case, trimmed, with underscores, so that `Do Not Honor` is `do_not_honor`.
pub(super) fn normal(code: &str) -> String {
    code.trim().to_lowercase().replace([' ', '-'], "_")
}

/// What was heard so far.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    held: Option<Held>,
    pub category: Option<u8>,
    earliest_h: Option<u32>,
    link_refused: bool,
}

#[derive(Debug, Clone)]
struct Held {
    class: Class,
    hardness: Hardness,
    source: Source,
    confidence: Confidence,
    reason: String,
}

impl Verdict {
    pub fn hear_if(&mut self, source: Source, row: Option<&Row>) {
        if let Some(row) = row {
            self.hear(source, row);
        }
    }

    /// A row that matched. Floors and refusals add up even when the class stays.
    pub fn hear(&mut self, source: Source, row: &Row) {
        self.earliest_h = self.earliest_h.max(row.earliest_retry_h);
        self.link_refused |= !row.link;
        let origin = Table::embedded().origin(&row.source);
        let mut why = row.why.as_deref().map(|why| format!(" ({why})")).unwrap_or_default();
        if row.never_again {
            why.push_str(", which the provider itself never sends again");
        }
        let reason = format!("{} `{}`{why}; {}, {}", source_name(source), row.code, origin.name, row.edition);
        let confidence = confidence(row, origin, source);
        self.weigh(Held { class: row.class, hardness: row.hardness, source, confidence, reason });
    }

    pub fn hear_sentence(&mut self, row: &Sentence, found: &str) {
        let origin = Table::embedded().origin(&row.source);
        let reason = format!("the message says \u{201c}{found}\u{201d}; {}, {}", origin.name, row.edition);
        self.weigh(Held { class: row.class, hardness: row.hardness, source: Source::Message, confidence: Confidence::Low, reason });
    }

    /// Stricter wins; at equal hardness the earlier stays, unless it said nothing in particular.
    fn weigh(&mut self, next: Held) {
        let replaces = match &self.held {
            None => true,
            Some(held) if next.hardness > held.hardness => true,
            Some(held) => next.hardness == held.hardness && held.class.is_vague() && !next.class.is_vague(),
        };
        if replaces {
            self.held = Some(next);
        }
    }

    pub fn done(self, raw: &RawDecline) -> Decline {
        let held = self.held.unwrap_or_else(|| unknown(raw));
        Decline {
            class: held.class,
            hardness: held.hardness,
            category: self.category,
            confidence: held.confidence,
            earliest_retry_after_s: self.earliest_h.map(|hours| i64::from(hours) * SECONDS_PER_HOUR),
            link_allowed: !self.link_refused,
            reason: held.reason,
            source: held.source,
        }
    }
}

fn unknown(raw: &RawDecline) -> Held {
    let reason = match raw.decline_code.as_deref().or(raw.code.as_deref()) {
        Some(code) => {
            format!("no table knows the code `{}`", code.chars().filter(|c| !c.is_control()).take(SHOWN_CHARS_MAX).collect::<String>())
        }
        None => "nothing was said that a table knows".to_owned(),
    };
    Held { class: Class::Unknown, hardness: Hardness::Soft, source: Source::Nothing, confidence: Confidence::Low, reason }
}

/// High only for an exact code, from a source that agrees with the others and was read at the origin.
fn confidence(row: &Row, origin: &Origin, source: Source) -> Confidence {
    let doubtful = row.class.is_vague() || row.agreed == Some(false) || origin.mark == Mark::K || source == Source::Code;
    if doubtful { Confidence::Medium } else { Confidence::High }
}

const fn source_name(source: Source) -> &'static str {
    match source {
        Source::Network => "network code",
        Source::Advice => "the provider's advice",
        Source::DeclineCode => "decline code",
        Source::Code => "code",
        Source::Message => "message",
        Source::Nothing => "nothing",
    }
}
