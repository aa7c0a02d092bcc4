//! From plain values to typed ones: following references, and saying in words what was expected.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Config, Key, Node, Origin, Problem, secrets, yaml};

/// How alike a mistyped key has to be to a known one to be proposed: 1 is equal.
const ALIKE_MIN: f64 = 0.55;

impl Config {
    /// The node as plain JSON, its secret references followed.
    pub(super) fn plain(&self, key: &Key, path: &str, node: &Node) -> Result<Value, Problem> {
        match node {
            Node::Leaf { value: Value::String(text), origin, .. } if key.secret || secrets::is_secret_key(path) => {
                self.secret(path, text, origin).map(Value::String)
            }
            // Inside a map the type is still open, and a bare text means what it looks like.
            Node::Leaf { value: Value::String(text), text: true, .. } if path != key.path => {
                Ok(yaml::scalar(text).unwrap_or_else(|| text.clone().into()))
            }
            Node::Leaf { value, .. } => Ok(value.clone()),
            Node::Map { entries, .. } => {
                let plain = entries.iter().map(|(name, node)| Ok((name.clone(), self.plain(key, &format!("{path}.{name}"), node)?)));
                plain.collect::<Result<_, _>>().map(Value::Object)
            }
        }
    }

    /// Follows a reference, or takes the text as it stands where that is allowed.
    fn secret(&self, path: &str, text: &str, origin: &Origin) -> Result<String, Problem> {
        let problem = |message: String| Problem::new(message).key(path).at(origin.clone());
        let source = text.split_once(':').and_then(|(scheme, rest)| {
            let source = self.sources.iter().find(|source| source.scheme() == scheme)?;
            Some((source, rest))
        });
        let production = self.environment.is_production();
        let secret = match source {
            Some((source, rest)) => source.fetch(rest).map_err(problem)?.expose().to_owned(),
            None if text.starts_with("vault:") => return Err(problem("no Vault is configured".into())),
            None if production && !origin.is_environment() && !secrets::is_harmless_url(text) => {
                return Err(problem("a secret must not be written out in production".into())
                    .hint("write a reference instead: `file:/run/secrets/name` or `env:NAME`")
                    .refused());
            }
            None => text.to_owned(),
        };
        if production && let Some(weak) = secrets::weakness(path, &secret) {
            return Err(problem(weak).hint("make one with `openssl rand -hex 32`").refused());
        }
        Ok(secret)
    }

    /// Keys in the files and on the command line that no section declares.
    pub(super) fn unknown(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        self.walk("", &self.tree, &mut problems);
        problems
    }

    fn walk(&self, path: &str, node: &Node, problems: &mut Vec<Problem>) {
        let Node::Map { entries, .. } = node else {
            // An empty heading is harmless; a value where a section belongs is not.
            if !matches!(node, Node::Leaf { value: Value::Null, .. }) {
                problems.push(Problem::new("expected a section with keys under it").key(path).at(node.origin().clone()));
            }
            return;
        };
        for (name, node) in entries {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            if name.contains('.') {
                let hint = "write the part after the dot indented under the part before it";
                problems.push(Problem::new("a key must not contain a dot").key(path).at(node.origin().clone()).hint(hint));
                continue;
            }
            if self.keys.contains_key(&path) {
                continue;
            }
            let prefix = format!("{path}.");
            if self.keys.keys().any(|key| key.starts_with(&prefix)) {
                self.walk(&path, node, problems);
            } else {
                problems.push(self.unknown_key(&path).at(node.origin().clone()));
            }
        }
    }

    /// Says that there is no such key, and which one may have been meant.
    pub(super) fn unknown_key(&self, path: &str) -> Problem {
        let problem = Problem::new("there is no such key").key(path);
        let sections = self.sections.keys().map(|name| (*name).to_owned());
        // A heading is compared with headings, a key with keys.
        let known: Vec<String> = if path.contains('.') { self.keys.keys().cloned().collect() } else { sections.collect() };
        let alike = |known: &String| strsim::normalized_damerau_levenshtein(path, known);
        match known.iter().max_by(|a, b| alike(a).total_cmp(&alike(b))) {
            Some(nearest) if alike(nearest) >= ALIKE_MIN => problem.hint(format!("did you mean `{nearest}`?")),
            _ => problem.hint("`autorisen config list` shows every key"),
        }
    }
}

/// Reads a value as `T`; the error says in words what was expected. A bare `text` is tried as it
/// stands first, so that a password of digits stays a text.
pub(super) fn read<T: DeserializeOwned>(value: Value, text: bool) -> Result<T, String> {
    let looks_like = value.as_str().filter(|_| text).and_then(yaml::scalar);
    let first = match T::deserialize(value) {
        Ok(read) => return Ok(read),
        Err(error) => error,
    };
    match looks_like {
        None => Err(in_words(&first.to_string())),
        Some(value) => T::deserialize(value).map_err(|error| in_words(&error.to_string())),
    }
}

/// serde's words for a mismatch, in ours.
fn in_words(message: &str) -> String {
    if message == "invalid IP address syntax" {
        return "expected an IP address such as 127.0.0.1".to_owned();
    }
    let mismatch = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    let Some((found, expected)) = mismatch.and_then(|rest| rest.rsplit_once(", expected ")) else {
        return message.to_owned();
    };
    let expected = match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" => "a whole number, not negative",
        "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" => "a text (in quotes if it looks like something else)",
        "a sequence" => "a list",
        other => other,
    };
    format!("expected {expected}, found {}", found.replace('`', ""))
}
