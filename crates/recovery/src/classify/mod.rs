//! Classification: from what a provider or a network said about a declined charge to what may be
//! done about it.
//!
//! Sources go in order: network advice or category, the provider's advice, the decline code, the
//! code around it, the message. A later source can make the verdict stricter, never softer. What
//! no table knows is `unknown`: soft with a low cap, and flagged. The rows are data
//! (`data/declines.json`), each with its source and edition.

pub mod class;
pub(crate) mod routes;
mod table;
mod verdict;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use class::{Class, Confidence, Hardness, Source};
pub use table::Table;
use verdict::{Verdict, normal};

/// A decline as it was reported. Everything is optional, because every provider leaves something out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawDecline {
    /// `visa`, `mastercard`, …
    pub network: Option<String>,
    /// Advice of the network: a Mastercard merchant advice code or a Visa category.
    pub network_advice_code: Option<String>,
    /// The network's own response code (ISO 8583 field 39).
    pub network_decline_code: Option<String>,
    /// The Visa category, where the provider names it.
    pub category: Option<u8>,
    /// The provider's advice, such as `do_not_try_again`.
    pub advice_code: Option<String>,
    /// The provider's decline code, such as `insufficient_funds`.
    pub decline_code: Option<String>,
    /// The error code around it, such as `card_declined`.
    pub code: Option<String>,
    /// The sentence for people.
    pub message: Option<String>,
}

impl RawDecline {
    /// A decline as billing keeps it, with the network of the card.
    pub fn of(decline: &billing::provider::RawDecline, network: Option<&str>) -> Self {
        Self {
            network: network.map(ToOwned::to_owned),
            network_advice_code: decline.network_advice_code.clone(),
            network_decline_code: decline.network_decline_code.clone(),
            category: None,
            advice_code: decline.advice_code.clone(),
            decline_code: decline.decline_code.clone(),
            code: decline.code.clone(),
            message: decline.message.clone(),
        }
    }
}

/// The verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Decline {
    pub class: Class,
    pub hardness: Hardness,
    /// The Visa category 1 to 4, named or implied.
    pub category: Option<u8>,
    pub confidence: Confidence,
    /// Seconds that must pass after the decline before any attempt; a floor, not a wish.
    pub earliest_retry_after_s: Option<i64>,
    /// Whether the payer may get a link before a person has looked at the case.
    pub link_allowed: bool,
    /// What decided, in words.
    pub reason: String,
    /// The source that decided.
    pub source: Source,
}

/// Classifies one decline. Pure: the same input gives the same verdict.
pub fn classify(raw: &RawDecline) -> Decline {
    let table = Table::embedded();
    let mut verdict = Verdict::default();
    let network = raw.network.as_deref().map(normal).unwrap_or_default();
    read_network(table, raw, &network, &mut verdict);
    if let Some(row) = raw.advice_code.as_deref().and_then(|code| table.advice(&normal(code))) {
        verdict.hear(Source::Advice, row);
    }
    read_code(table, raw.decline_code.as_deref(), &network, Source::DeclineCode, &mut verdict);
    read_code(table, raw.code.as_deref(), &network, Source::Code, &mut verdict);
    if let Some(message) = raw.message.as_deref() {
        for (sentence, found) in table.sentences(message) {
            verdict.hear_sentence(sentence, found);
        }
    }
    verdict.done(raw)
}

/// The network's advice, category and response code. Where a code can be read in two ways, both
/// readings are heard, so that the stricter one holds.
fn read_network(table: &'static Table, raw: &RawDecline, network: &str, verdict: &mut Verdict) {
    if let Some(row) = raw.category.and_then(|category| table.visa_category(&category.to_string())) {
        verdict.category = raw.category;
        verdict.hear(Source::Network, row);
    }
    if let Some(advice) = raw.network_advice_code.as_deref().map(normal) {
        let two_digits = advice.len() == 2;
        if two_digits || network != "visa" {
            verdict.hear_if(Source::Network, table.merchant_advice(&format!("{advice:0>2}")));
        }
        // One digit is how providers write a Visa category; with Mastercard's name beside it, it is not one.
        if (network == "visa" || (!two_digits && network != "mastercard"))
            && let Some(row) = table.visa_category(advice.trim_start_matches('0'))
        {
            verdict.category = verdict.category.or_else(|| row.code.parse().ok());
            verdict.hear(Source::Network, row);
        }
    }
    if let Some(row) = raw.network_decline_code.as_deref().and_then(|code| table.network_code(code.trim(), network)) {
        // A category that the provider named beats one that we infer.
        if row.category.is_none() || raw.category.is_none() {
            verdict.category = verdict.category.or(row.category);
            verdict.hear(Source::Network, row);
        }
    }
}

/// A provider's code; two characters are a network's response code that was passed on as it came.
fn read_code(table: &'static Table, code: Option<&str>, network: &str, source: Source, verdict: &mut Verdict) {
    let Some(code) = code.map(normal) else { return };
    let row = table.decline_code(&code).or_else(|| (code.len() == 2).then(|| table.network_code(&code, network)).flatten());
    verdict.hear_if(source, row);
}

#[cfg(test)]
mod tests;
