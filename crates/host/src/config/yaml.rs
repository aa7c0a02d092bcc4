//! Reading YAML into a tree that knows its lines. `${NAME}`, `${NAME:-default}` and
//! `${NAME:?message}` are filled in from the environment, in plain (unquoted) values only.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_saphyr::Spanned;

use super::{Node, Origin, Problem};

/// Any YAML value with the lines it was written on.
enum Any {
    Scalar(Value),
    List(Vec<Spanned<Any>>),
    Map(Vec<(Spanned<String>, Spanned<Any>)>),
}

struct AnyVisitor;

impl<'de> Visitor<'de> for AnyVisitor {
    type Value = Any;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Any, E> {
        Ok(Any::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Any, E> {
        Ok(Any::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Any, E> {
        Ok(Any::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Any, E> {
        Ok(Any::Scalar(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Any, E> {
        Ok(Any::Scalar(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Any, E> {
        Ok(Any::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Any, E> {
        Ok(Any::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Any, D::Error> {
        Any::deserialize(inner)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Any, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Any::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Any, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Any::Map(map))
    }
}

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(AnyVisitor)
    }
}

impl Any {
    fn into_json(self) -> Value {
        match self {
            Self::Scalar(value) => value,
            Self::List(items) => items.into_iter().map(|item| item.value.into_json()).collect(),
            Self::Map(entries) => Value::Object(entries.into_iter().map(|(key, any)| (key.value, any.value.into_json())).collect()),
        }
    }

    fn into_node(self, path: &Arc<str>, line: u64) -> Node {
        let origin = Origin::File { path: path.clone(), line };
        match self {
            Self::Map(entries) => {
                let nodes = entries.into_iter().map(|(key, any)| {
                    // The key's line: a value may begin on the next one.
                    let line = key.referenced.line();
                    (key.value, any.value.into_node(path, line))
                });
                Node::Map { entries: nodes.collect::<BTreeMap<_, _>>(), origin }
            }
            other => Node::Leaf { value: other.into_json(), text: false, origin },
        }
    }
}

/// Reads the text of the file that is shown as `path`.
pub(crate) fn read(path: &Arc<str>, text: &str, variables: &HashMap<String, String>) -> Result<Node, Problem> {
    // Snippets of the file would show secrets that stand near the mistake.
    let options = serde_saphyr::options! { with_snippet: false }.with_properties(variables.clone());
    let parsed: Result<Option<Spanned<Any>>, _> = serde_saphyr::from_str_with_options(text, options);
    match parsed {
        Ok(None) => Ok(Node::empty()),
        Ok(Some(any)) => match any.value {
            Any::Scalar(Value::Null) => Ok(Node::empty()),
            map @ Any::Map(_) => Ok(map.into_node(path, any.referenced.line())),
            _ => Err(Problem::new("the file has to be a map of sections").at(Origin::File { path: path.clone(), line: 1 })),
        },
        Err(error) => {
            let line = error.location().map_or(1, |place| place.line());
            Err(Problem::new(error.without_snippet().to_string()).at(Origin::File { path: path.clone(), line }))
        }
    }
}

/// The value that a bare text means in YAML: `8080` is a number, `[a, b]` a list.
pub(crate) fn scalar(text: &str) -> Option<Value> {
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options::<Any>(text, options).ok().map(Any::into_json)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Node, Problem> {
        let variables = HashMap::from([("PORT".to_owned(), "9000".to_owned())]);
        read(&Arc::from("autorisen.yaml"), text, &variables)
    }

    fn leaf(tree: &Node, path: &str) -> (Value, String) {
        match tree.find(path) {
            Some(Node::Leaf { value, origin, .. }) => (value.clone(), origin.to_string()),
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn every_value_knows_its_line() {
        let tree = parse("# a comment\nserver:\n  port: 80\n  trusted_proxies:\n    - 10.0.0.0/8\nlog:\n  level: debug\n").expect("valid");
        assert_eq!(leaf(&tree, "server.port"), (80.into(), "autorisen.yaml:3".into()));
        assert_eq!(leaf(&tree, "server.trusted_proxies"), (serde_json::json!(["10.0.0.0/8"]), "autorisen.yaml:4".into()));
        assert_eq!(leaf(&tree, "log.level"), ("debug".into(), "autorisen.yaml:7".into()));
    }

    #[test]
    fn variables_are_filled_in_and_typed() {
        let tree = parse("a: ${PORT}\nb: ${NOPE:-7}\nc: \"${PORT}\"\nd: http://x:${PORT}/\n").expect("valid");
        assert_eq!(leaf(&tree, "a").0, 9000);
        assert_eq!(leaf(&tree, "b").0, 7);
        assert_eq!(leaf(&tree, "c").0, "${PORT}");
        assert_eq!(leaf(&tree, "d").0, "http://x:9000/");
    }

    #[test]
    fn mistakes_name_their_line() {
        for (text, line) in [("a: 1\nb: [1\nc: 2\n", None), ("a: 1\na: 2\n", Some(2)), ("x: 1\ny: ${NOPE}\n", Some(2)), ("- 1\n", Some(1))]
        {
            let problem = parse(text).expect_err(text);
            let Some(Origin::File { line: found, .. }) = problem.origin else { panic!("{text}: {problem}") };
            assert!(line.is_none_or(|line| line == found), "{text}: {problem}");
        }
    }

    #[test]
    fn an_empty_file_is_an_empty_tree() {
        for text in ["", "# nothing\n", "---\n"] {
            assert_eq!(parse(text).map(|tree| tree.find("server").is_none()), Ok(true), "{text:?}");
        }
    }

    #[test]
    fn bare_text_has_the_type_it_looks_like() {
        assert_eq!(scalar("8080"), Some(8080.into()));
        assert_eq!(scalar("true"), Some(true.into()));
        assert_eq!(scalar("[a, b]"), Some(serde_json::json!(["a", "b"])));
    }
}
