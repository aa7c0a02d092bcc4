//! Request fields as Stripe writes them: flat pairs, with brackets for depth.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::refusal::Refusal;

/// The fields of one request.
#[derive(Debug, Clone, Default)]
pub struct Fields(BTreeMap<String, String>);

impl Fields {
    /// From a body or a query string.
    pub fn read(encoded: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(encoded).into_owned().collect())
    }

    /// From names and values that were never encoded.
    pub fn of(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    /// The same request always gives the same text: what an idempotency key is tied to.
    pub fn canonical(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    pub fn needed(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name).ok_or_else(|| Refusal::missing(name))
    }

    pub fn is_true(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }

    /// A whole number above zero.
    pub fn amount(&self, name: &str) -> Result<i64, Refusal> {
        let amount = self.needed(name)?.parse::<i64>().ok().filter(|amount| *amount > 0);
        amount.ok_or_else(|| Refusal::invalid("parameter_invalid_integer", format!("Invalid integer: {name}")))
    }

    /// `prefix[key]` for every key, as an object.
    pub fn map(&self, prefix: &str) -> Value {
        let entries = self.0.iter().filter_map(|(name, value)| {
            let key = name.strip_prefix(prefix)?.strip_prefix('[')?.strip_suffix(']')?;
            Some((key.to_owned(), Value::String(value.clone())))
        });
        Value::Object(entries.collect::<Map<_, _>>())
    }

    /// Whether `expand[]` asks for it.
    pub fn expands(&self, what: &str) -> bool {
        self.0.iter().any(|(name, value)| name.starts_with("expand") && value == what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_are_read_back() {
        let fields = Fields::read(b"amount=5&metadata%5Ba%5D=1&metadata[b]=x%20y&expand[]=data.invoice&empty=");
        assert_eq!(fields.map("metadata"), serde_json::json!({ "a": "1", "b": "x y" }));
        assert!(fields.expands("data.invoice") && !fields.expands("data"));
        assert!(fields.text("empty").is_none() && fields.amount("amount").is_ok());
    }

    #[test]
    fn the_order_of_fields_does_not_matter() {
        assert_eq!(Fields::read(b"b=2&a=1").canonical(), Fields::read(b"a=1&b=2").canonical());
    }
}
