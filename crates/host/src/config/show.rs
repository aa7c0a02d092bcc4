//! Showing settings to people: the value in force, masked where it is secret, and its origin.

use serde::Serialize;
use serde_json::Value;

use super::{Config, ConfigError, Key, Node, Origin, secrets};

/// One line of `config list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    pub key: String,
    /// The value in force; `***` for a secret that is set, the address without its password where a
    /// secret is an address.
    pub value: String,
    /// Where the value comes from.
    pub origin: String,
    pub default: String,
    pub secret: bool,
    pub doc: String,
    /// Variables of the environment that set it.
    pub env: Vec<&'static str>,
}

impl Config {
    /// Every setting with its value in force, in the order of the keys.
    pub fn list(&self) -> Vec<Setting> {
        self.keys.values().map(|key| self.setting(key)).collect()
    }

    /// One setting; an unknown key is an error that names the nearest one.
    pub fn explain(&self, path: &str) -> Result<Setting, ConfigError> {
        self.keys.get(path).map(|key| self.setting(key)).ok_or_else(|| self.unknown_key(path).into())
    }

    fn setting(&self, key: &Key) -> Setting {
        let found = self.found(key);
        let value = found.as_ref().map_or_else(|| key.default.clone(), |node| self.shown(key, &key.path, node));
        let origin = found.map_or(Origin::Default, |node| node.origin().clone());
        Setting {
            key: key.path.clone(),
            value,
            origin: origin.to_string(),
            default: key.default.clone(),
            secret: key.secret,
            doc: key.doc.clone(),
            env: key.env.to_vec(),
        }
    }

    fn shown(&self, key: &Key, path: &str, node: &Node) -> String {
        match node {
            Node::Leaf { value: Value::Null, .. } => "unset".to_owned(),
            Node::Leaf { .. } if secrets::is_secret_key(path) => "***".to_owned(),
            // An address is what an operator looks for; only its password is nobody's business.
            Node::Leaf { value: Value::String(text), .. } if key.secret => {
                if self.is_reference(text) {
                    text.clone()
                } else {
                    secrets::masked(text)
                }
            }
            Node::Leaf { .. } if key.secret => "***".to_owned(),
            Node::Leaf { value: Value::String(text), .. } => text.clone(),
            Node::Leaf { value, .. } => value.to_string(),
            Node::Map { entries, .. } => {
                let inner: Vec<_> =
                    entries.iter().map(|(name, node)| format!("{name}: {}", self.shown(key, &format!("{path}.{name}"), node))).collect();
                format!("{{{}}}", inner.join(", "))
            }
        }
    }

    fn is_reference(&self, text: &str) -> bool {
        text.split_once(':').is_some_and(|(scheme, _)| self.sources.iter().any(|source| source.scheme() == scheme))
    }
}
