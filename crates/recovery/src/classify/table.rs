//! The table behind the classification: data, with a source and an edition beside every row.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::class::{Class, Hardness};

const DECLINES: &str = include_str!("../../data/declines.json");

/// One row: what a code means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    pub code: String,
    pub class: Class,
    pub hardness: Hardness,
    /// Plain words, where the code alone does not tell.
    #[serde(default)]
    pub why: Option<String>,
    /// The card network that the row is about, or `any`.
    #[serde(default)]
    pub network: Option<String>,
    /// The Visa category that the code implies.
    #[serde(default)]
    pub category: Option<u8>,
    /// Whether all sources agree on that category.
    #[serde(default)]
    pub agreed: Option<bool>,
    /// No attempt before this many hours have passed.
    #[serde(default)]
    pub earliest_retry_h: Option<u32>,
    /// One of the nine that Stripe itself never sends again.
    #[serde(default)]
    pub never_again: bool,
    /// Whether a link may be sent without a person having looked.
    #[serde(default = "yes")]
    pub link: bool,
    pub source: String,
    pub edition: String,
}

/// Sentences that mean something.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sentence {
    /// Lower case; any of them found in the message is a match.
    pub any: Vec<String>,
    pub class: Class,
    pub hardness: Hardness,
    pub source: String,
    pub edition: String,
}

/// A place that rows were taken from.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    pub name: String,
    pub mark: Mark,
}

/// How sure a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Mark {
    /// Read in the vendor's or the network's own pages.
    R,
    /// Second-hand.
    S,
    /// General knowledge, to be verified with the acquirer.
    K,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    edition: String,
    sources: HashMap<String, Origin>,
    merchant_advice_codes: Vec<Row>,
    visa_categories: Vec<Row>,
    network_codes: Vec<Row>,
    advice_codes: Vec<Row>,
    decline_codes: Vec<Row>,
    messages: Vec<Sentence>,
}

/// The table, indexed by code.
#[derive(Debug)]
pub struct Table {
    file: File,
    decline_codes: HashMap<String, usize>,
}

const fn yes() -> bool {
    true
}

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::read(DECLINES).expect("a test reads the embedded table"));

impl Table {
    /// The table of this build.
    pub fn embedded() -> &'static Self {
        &TABLE
    }

    fn read(text: &str) -> Result<Self, serde_json::Error> {
        let file: File = serde_json::from_str(text)?;
        let decline_codes = file.decline_codes.iter().enumerate().map(|(at, row)| (row.code.clone(), at)).collect();
        Ok(Self { file, decline_codes })
    }

    /// The place that a row was taken from.
    pub(super) fn origin(&self, source: &str) -> &Origin {
        self.file.sources.get(source).expect("a test looks up the source of every row")
    }

    /// The day on which the rows were last compared with their sources.
    pub fn edition(&self) -> &str {
        &self.file.edition
    }

    pub(super) fn merchant_advice(&self, code: &str) -> Option<&Row> {
        by_code(&self.file.merchant_advice_codes, code)
    }

    pub(super) fn visa_category(&self, code: &str) -> Option<&Row> {
        by_code(&self.file.visa_categories, code)
    }

    /// The row of this network, else the one of any network.
    pub(super) fn network_code(&self, code: &str, network: &str) -> Option<&Row> {
        let of = |wanted: &str| {
            self.file.network_codes.iter().find(|row| row.code.eq_ignore_ascii_case(code) && row.network.as_deref() == Some(wanted))
        };
        of(network).or_else(|| of("any"))
    }

    pub(super) fn advice(&self, code: &str) -> Option<&Row> {
        by_code(&self.file.advice_codes, code)
    }

    pub(super) fn decline_code(&self, code: &str) -> Option<&Row> {
        self.decline_codes.get(code).map(|at| &self.file.decline_codes[*at])
    }

    pub(super) fn sentences(&self, message: &str) -> impl Iterator<Item = (&Sentence, &str)> {
        let message = message.to_lowercase();
        self.file.messages.iter().filter_map(move |row| {
            let found = row.any.iter().find(|part| message.contains(part.as_str()))?;
            Some((row, found.as_str()))
        })
    }
}

fn by_code<'t>(rows: &'t [Row], code: &str) -> Option<&'t Row> {
    rows.iter().find(|row| row.code == code)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn sections(file: &File) -> [&Vec<Row>; 5] {
        [&file.merchant_advice_codes, &file.visa_categories, &file.network_codes, &file.advice_codes, &file.decline_codes]
    }

    #[test]
    fn every_row_names_a_known_source_and_a_date() {
        let table = Table::embedded();
        let known = |source: &str, edition: &str| {
            assert!(!table.origin(source).name.is_empty());
            assert!(edition.parse::<chrono::NaiveDate>().is_ok(), "{edition}");
        };
        for row in sections(&table.file).into_iter().flatten() {
            known(&row.source, &row.edition);
        }
        for row in &table.file.messages {
            known(&row.source, &row.edition);
            assert!(row.any.iter().all(|part| part.to_lowercase() == *part && !part.is_empty()));
        }
        assert!(table.edition().parse::<chrono::NaiveDate>().is_ok());
    }

    #[test]
    fn no_code_stands_twice_in_a_section() {
        for rows in sections(&Table::embedded().file) {
            let mut seen = HashSet::new();
            for row in rows {
                assert!(seen.insert((&row.code, &row.network)), "{} stands twice", row.code);
            }
        }
    }

    #[test]
    fn the_nine_codes_that_the_provider_never_repeats_are_marked_and_not_soft() {
        let nine: Vec<_> = Table::embedded().file.decline_codes.iter().filter(|row| row.never_again).collect();
        assert_eq!(nine.len(), 9);
        assert!(nine.iter().all(|row| row.hardness != Hardness::Soft));
    }
}
