//! Settings as a tree: every value knows where it was written.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A line of a file.
    File { path: Arc<str>, line: u64 },
    /// A variable of the process's environment.
    Variable { name: String },
    /// A variable that a `.env` file sets.
    EnvFile { path: Arc<str>, line: u64, name: String },
    /// An argument of the command.
    CommandLine,
}

impl Origin {
    /// Whether the value came by the environment: there a secret stands beside the program, not in
    /// a file that is kept and copied.
    pub fn is_environment(&self) -> bool {
        matches!(self, Self::Variable { .. })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{path}:{line}"),
            Self::Variable { name } => write!(f, "environment variable {name}"),
            Self::EnvFile { path, line, name } => write!(f, "{path}:{line} ({name})"),
            Self::CommandLine => f.write_str("command line"),
        }
    }
}

/// A value with its origin, or a map of such.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Leaf {
        value: Value,
        /// The value came as bare text (a variable, an argument), so that its type is still open.
        text: bool,
        origin: Origin,
    },
    Map {
        entries: BTreeMap<String, Node>,
        origin: Origin,
    },
}

impl Node {
    pub(crate) fn empty() -> Self {
        Self::Map { entries: BTreeMap::new(), origin: Origin::Default }
    }

    pub(crate) fn text(value: impl Into<String>, origin: Origin) -> Self {
        Self::Leaf { value: Value::String(value.into()), text: true, origin }
    }

    pub(crate) fn origin(&self) -> &Origin {
        match self {
            Self::Leaf { origin, .. } | Self::Map { origin, .. } => origin,
        }
    }

    pub(crate) fn is_text(&self) -> bool {
        matches!(self, Self::Leaf { text: true, .. })
    }

    fn is_null(&self) -> bool {
        matches!(self, Self::Leaf { value: Value::Null, .. })
    }

    /// Lays `over` upon this: maps grow together, anything else is replaced. A heading with nothing
    /// under it replaces nothing.
    pub(crate) fn merge(&mut self, over: Node) {
        match (self, over) {
            (Self::Map { entries, .. }, Self::Map { entries: over, .. }) => {
                for (key, node) in over {
                    match entries.get_mut(&key) {
                        Some(under) => under.merge(node),
                        None => drop(entries.insert(key, node)),
                    }
                }
            }
            (Self::Map { .. }, over) if over.is_null() => {}
            (under, over) => *under = over,
        }
    }

    /// The node at `path`, whose segments are joined with dots.
    pub(crate) fn find(&self, path: &str) -> Option<&Node> {
        path.split('.').try_fold(self, |node, segment| match node {
            Self::Map { entries, .. } => entries.get(segment),
            Self::Leaf { .. } => None,
        })
    }

    /// Puts `leaf` at `path`, making the maps on the way.
    pub(crate) fn put(&mut self, path: &str, leaf: Node) {
        let nested = path
            .rsplit('.')
            .fold(leaf, |node, segment| Self::Map { origin: node.origin().clone(), entries: BTreeMap::from([(segment.to_owned(), node)]) });
        self.merge(nested);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(value: &str) -> Node {
        Node::text(value, Origin::CommandLine)
    }

    #[test]
    fn maps_grow_together_and_leaves_are_replaced() {
        let mut tree = Node::empty();
        tree.put("server.port", leaf("1"));
        tree.put("server.listen", leaf("a"));
        tree.put("server.port", leaf("2"));
        assert_eq!(tree.find("server.port"), Some(&leaf("2")));
        assert_eq!(tree.find("server.listen"), Some(&leaf("a")));
        assert_eq!(tree.find("server.port.deeper"), None);
    }

    #[test]
    fn an_empty_heading_replaces_nothing() {
        let mut tree = Node::empty();
        tree.put("server.port", leaf("1"));
        tree.put("server", Node::Leaf { value: Value::Null, text: false, origin: Origin::CommandLine });
        assert_eq!(tree.find("server.port"), Some(&leaf("1")));
    }
}
