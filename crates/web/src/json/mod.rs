//! JSON bodies, read strictly: an object where an object is meant, and no name twice.
//!
//! `serde_json` would fill an object from a list, field by field in the order in which we happened to
//! write them down, and of two equal names in a map it keeps the last, where the next program may
//! keep the first. A body is read into a tree first, and types are read from the tree.

mod read;
mod tree;

use kernel::{Failure, General};
use serde::de::DeserializeOwned;

use tree::Tree;

/// Reads a body whose outermost value is an object.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    // Well-formed first: what is broken further on is a syntax error, whatever stands before it.
    let tree: Tree<'_> = serde_json::from_slice(bytes).map_err(|wrong| malformed(&wrong))?;
    if !matches!(tree, Tree::Object(_)) {
        return Err(Failure::field("body", "must be a JSON object"));
    }
    serde_path_to_error::deserialize(tree).map_err(|wrong| {
        let path = wrong.path().to_string();
        crate::extract::named(&path, &wrong.inner().to_string())
    })
}

fn malformed(wrong: &serde_json::Error) -> Failure {
    Failure::new(General::MalformedRequest).with_message(format!(
        "The body is not well-formed JSON (line {}, column {}).",
        wrong.line(),
        wrong.column()
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::parse;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Address {
        #[expect(dead_code, reason = "only its reading is tested")]
        city: String,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Home,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its reading is tested")]
    struct Person {
        address: Address,
        kind: Option<Kind>,
        age: Option<u8>,
        more: Option<BTreeMap<String, serde_json::Value>>,
        several: Option<Vec<Address>>,
    }

    fn refused(text: &str) -> (u16, Vec<String>) {
        let failure = parse::<Person>(text.as_bytes()).expect_err("must be refused");
        (failure.status, failure.fields.into_keys().collect())
    }

    /// A person of whom everything else is right.
    fn with(more: &str) -> (u16, Vec<String>) {
        refused(&format!(r#"{{"address":{{"city":"x"}},{more}}}"#))
    }

    #[test]
    fn what_is_right_is_read() {
        let text = r#"{"address":{"city":"x"},"kind":"home","age":3,"more":{"a":[1,null,-2,0.5,{"b":true}]},"several":[{"city":"y"}]}"#;
        let read = parse::<Person>(text.as_bytes()).expect("it is right");
        assert_eq!(read.more.expect("it is there")["a"], serde_json::json!([1, null, -2, 0.5, {"b": true}]));
    }

    #[test]
    fn a_wrong_field_is_named_by_its_path() {
        assert_eq!(refused(r#"{"address":{"city":3}}"#), (422, vec!["address.city".into()]));
        assert_eq!(refused(r#"{"address":{"city":"x","zip":1}}"#), (422, vec!["address.zip".into()]));
        assert_eq!(refused(r#"{"address":{}}"#), (422, vec!["address.city".into()]));
        assert_eq!(refused("{}"), (422, vec!["address".into()]));
        assert_eq!(with(r#""kind":"away""#), (422, vec!["kind".into()]));
        assert_eq!(with(r#""age":123456789012345678901234567890"#), (422, vec!["age".into()]));
        assert_eq!(with(r#""several":[{"city":"x"},{"city":1}]"#), (422, vec!["several[1].city".into()]));
    }

    #[test]
    fn broken_json_is_a_syntax_error() {
        for text in
            ["", "{", "[1", r#"{"address":{"city":"x"}} x"#, "NaN", r#"{"a":NaN}"#, r#"{"a":Infinity}"#, "\u{feff}{}", r#"{"a":01}"#]
        {
            assert_eq!(refused(text).0, 400, "{text:?}");
        }
        for open in ["[", r#"{"a":"#] {
            assert_eq!(refused(&open.repeat(10_000)).0, 400, "ten thousand deep");
        }
    }

    #[test]
    fn a_list_is_no_object() {
        assert_eq!(refused(r#"[{"city":"x"}]"#), (422, vec!["body".into()]));
        assert_eq!(refused("null").0, 422);
        assert_eq!(refused(r#"{"address":["x"]}"#), (422, vec!["address".into()]));
        assert_eq!(with(r#""several":[["x"]]"#), (422, vec!["several[0]".into()]));
        assert_eq!(with(r#""several":{"city":"x"}"#), (422, vec!["several".into()]));
    }

    #[test]
    fn no_name_is_given_twice() {
        assert_eq!(refused(r#"{"address":{"city":"x","city":"y"}}"#), (422, vec!["address.city".into()]));
        assert_eq!(with(r#""more":{"a":1,"\u0061":2}"#), (422, vec!["more.a".into()]));
        let many: Vec<_> = (0..100).chain([42]).map(|n| format!("\"n{n}\":1")).collect();
        assert_eq!(with(&format!("\"more\":{{{}}}", many.join(","))), (422, vec!["more.n42".into()]));
    }
}
