//! Real ids of acme, read off what the program answers, by their prefix.

use std::collections::{BTreeMap, BTreeSet};

use testkit::Value;

/// Letters of an id behind its prefix.
const TEXT_LEN: usize = 26;

/// Ids by prefix.
#[derive(Debug, Clone, Default)]
pub struct Samples(BTreeMap<String, BTreeSet<String>>);

impl Samples {
    /// Keeps every id that stands anywhere in an answer.
    pub fn note(&mut self, answer: &Value) {
        match answer {
            Value::String(text) => {
                if let Some((prefix, _)) = text.split_once('_').filter(|(prefix, rest)| is_id(prefix, rest)) {
                    self.0.entry(prefix.to_owned()).or_default().insert(text.clone());
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.note(item)),
            Value::Object(fields) => fields.values().for_each(|value| self.note(value)),
            _ => {}
        }
    }

    /// The latest id of this kind; ids sort by age.
    pub fn get(&self, prefix: &str) -> Option<&str> {
        self.0.get(prefix)?.last().map(String::as_str)
    }

    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.0.values().flatten().map(String::as_str)
    }
}

fn is_id(prefix: &str, rest: &str) -> bool {
    matches!(prefix.len(), 3 | 4) && rest.len() == TEXT_LEN && rest.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase())
}
